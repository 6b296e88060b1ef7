"""The distributed mode: each room a process of its own."""
