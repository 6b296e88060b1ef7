"""What is said: messages, topics, ids and error codes (pydantic only)."""
