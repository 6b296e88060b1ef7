"""Middle lines of roads: skeletons, what hangs together, gaps, and what is left out."""
