"""Zone layers: files become zones, a version comes into force, and what it changed."""
