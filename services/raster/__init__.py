"""Guarded raster reading, below the rooms: our own checked copy, a limited child process, one driver."""
