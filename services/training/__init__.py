"""Reading what networks learn from, and keeping what a run has reached."""
