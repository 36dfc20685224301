"""openhours tells how long each store or PC was really on during the hours it should have been."""

__version__ = "0.1.0"
