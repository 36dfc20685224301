"""What runs on a PC. Imports nothing of the server."""
