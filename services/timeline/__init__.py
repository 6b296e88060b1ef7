"""What became of a place: a row, a line and a picture for every look at it."""
