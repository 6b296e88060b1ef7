"""Who is told: the only rooms with input and output at run time."""
