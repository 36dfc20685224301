"""Waiting for what other processes do."""

import asyncio
import time
from collections.abc import Awaitable, Callable


def wait_for(
    done: Callable[[], bool], timeout: float = 20, story: Callable[[], str] = lambda: ""
) -> None:
    """Return when `done`; AssertionError with the story when it takes too long."""
    deadline = time.monotonic() + timeout
    while not done():
        assert time.monotonic() < deadline, f"still not after {timeout} s\n{story()}"
        time.sleep(0.02)


async def until(done: Callable[[], bool | Awaitable[bool]], timeout: float = 60) -> None:
    """Return when `done`, as `wait_for`, while others of this event loop go on."""
    async with asyncio.timeout(timeout):
        while True:
            found = done()
            if found if isinstance(found, bool) else await found:
                return
            await asyncio.sleep(0.02)
