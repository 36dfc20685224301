"""Waiting for what other processes do."""

import asyncio
from collections.abc import Awaitable, Callable

from tools.service import tries


def wait_for(
    done: Callable[[], bool], timeout: float = 20, story: Callable[[], str] = lambda: ""
) -> None:
    """Return when `done`; AssertionError with the story when it takes too long."""
    for _ in tries(timeout):
        if done():
            return
    raise AssertionError(f"still not after {timeout} s\n{story()}")


async def until(done: Callable[[], bool | Awaitable[bool]], timeout: float = 60) -> None:
    """Return when `done`, as `wait_for`, while others of this event loop go on."""
    async with asyncio.timeout(timeout):
        while True:
            found = done()
            if found if isinstance(found, bool) else await found:
                return
            await asyncio.sleep(0.02)
