"""Two steps of a file's way at once: the next item is made while the last one is used."""

import asyncio
from collections.abc import AsyncGenerator, Iterator
from contextlib import suppress
from typing import TypeVar

Item = TypeVar("Item")


async def ahead(items: Iterator[Item]) -> AsyncGenerator[Item, None]:
    """Yield the items in their order, each made in a thread while the caller uses the one before.

    Close it (`contextlib.aclosing`), so that nothing is made any more when the caller goes on.
    """
    end = object()
    loop = asyncio.get_running_loop()

    def make() -> asyncio.Future[Item | object]:
        # At once: a task would begin only when the caller next waits.
        return loop.run_in_executor(None, next, items, end)

    following = make()
    try:
        while (item := await following) is not end:
            following = make()
            yield item  # type: ignore[misc]
    finally:
        # A thread cannot be stopped: what it reads must stay open until it is done.
        with suppress(Exception):
            await following
