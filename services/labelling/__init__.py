"""Chips for an interpreter to label, and the masks of the answers."""
