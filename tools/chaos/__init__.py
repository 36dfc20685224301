"""kill -9 at random while everything is in use, then ask what is left of what was acknowledged.

`python -m tools.chaos` runs it for long; the tests run it for a minute.
"""
