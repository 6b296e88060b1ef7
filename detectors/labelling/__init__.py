"""Labelling by hand: segments to choose by number, pictures to look at, answers to masks."""
