"""The agent on a PC. It imports nothing of the server."""
