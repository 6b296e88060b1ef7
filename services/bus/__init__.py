"""How messages get from room to room, and where bad ones end."""
