"""Backups: everything that a place holds in one file, and back into an empty place."""
