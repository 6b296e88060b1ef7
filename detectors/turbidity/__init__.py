"""Turbidity of a river from reflectance: which pixels are water, what they come to, reach by reach, and what goes with mining."""
