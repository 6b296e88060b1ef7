"""How well a detector does on labelled images: counts per image and per pair, then shares with intervals."""
