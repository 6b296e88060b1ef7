"""Scenes to observations: guarded reading, the network, blobs."""
