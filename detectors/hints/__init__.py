"""Shape, ponds and colour of diggings as values: what a reader may take as a hint of method or commodity, never as a verdict."""
