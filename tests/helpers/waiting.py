"""Waiting for what other processes do."""

import time
from collections.abc import Callable


def wait_for(
    done: Callable[[], bool], timeout: float = 20, story: Callable[[], str] = lambda: ""
) -> None:
    """Return when `done`; AssertionError with the story when it takes too long."""
    deadline = time.monotonic() + timeout
    while not done():
        assert time.monotonic() < deadline, f"still not after {timeout} s\n{story()}"
        time.sleep(0.02)
