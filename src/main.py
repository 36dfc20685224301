"""For those who type `fastapi dev src/main.py`."""

from openhours.app import app

__all__ = ["app"]
