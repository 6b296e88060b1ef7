"""Tables, blobs and the one commit point."""
