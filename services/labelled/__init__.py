"""A folder of labelled images: which files belong together, what their masks mean, and which 2-degree block they lie in."""
