"""Pixels to shapes: pure array and geometry code."""
