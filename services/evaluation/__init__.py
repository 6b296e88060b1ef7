"""How well the whole chain did on a simulated world: told events against the truth, in scene time."""
