"""A seeded world that can be looked at from space: land, mining sites, clouds and two sensors. Arrays and shapes out, no files."""
