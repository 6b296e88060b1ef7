"""Who is told, what they read, and how it is carried to them."""
