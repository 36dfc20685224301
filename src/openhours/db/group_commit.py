"""One commit for all that arrived meanwhile.

Requests that come while a commit is under way form the next group; each is answered after its
group is durable. So the disk is waited for once a group, and under no load at all no one waits
for company.
"""

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from typing import Generic, TypeVar

from openhours.db.engine import is_database_unusable
from openhours.errors import Unavailable

log = logging.getLogger(__name__)

Item = TypeVar("Item")
Result = TypeVar("Result")

MAX_WAITING = 20_000


class TooManyWaiting(Unavailable):
    """More is arriving than the database takes: the client may try again later."""


class GroupCommit(Generic[Item, Result]):
    """Writes items in groups, in the order in which they came.

    `write` commits a group as a whole, or raises and leaves no trace of it; it gives a result for
    each item, in order. A result that is an exception is raised for its item alone.
    """

    def __init__(
        self,
        write: Callable[[Sequence[Item]], Awaitable[Sequence[Result | Exception]]],
        most: int = 1000,
    ) -> None:
        self._write = write
        self._most = most
        self._waiting: deque[tuple[Item, asyncio.Future[Result]]] = deque()
        self._writer: asyncio.Task[None] | None = None

    async def add(self, item: Item) -> Result:
        """Return the result of the item once it is durable.

        Raises what `write` raised for it; then the item may or may not have been written, as ever
        when a connection breaks: give items an identity that makes a repetition harmless. The same
        holds for a cancelled caller. Raise TooManyWaiting, and then it was not written.
        """
        if len(self._waiting) >= MAX_WAITING:
            raise TooManyWaiting(f"{MAX_WAITING:,} requests are waiting to be written; try again")
        future: asyncio.Future[Result] = asyncio.get_running_loop().create_future()
        self._waiting.append((item, future))
        if self._writer is None:
            self._writer = asyncio.create_task(self._write_all())
        return await future

    async def _write_all(self) -> None:
        group: list[tuple[Item, asyncio.Future[Result]]] = []
        try:
            while self._waiting:
                await self._gather()
                size = min(self._most, len(self._waiting))
                group = [self._waiting.popleft() for _ in range(size)]
                await self._write_group(group)
        finally:
            self._writer = None
            # Only when this task was cancelled, at the end of the event loop, is anyone left.
            for _, future in (*group, *self._waiting):
                future.cancel()
            self._waiting.clear()

    async def _gather(self) -> None:
        """Let join whom the event loop has at hand: wait as long as each round brings more."""
        before = 0
        while before < len(self._waiting) < self._most:
            before = len(self._waiting)
            await asyncio.sleep(0)

    async def _write_group(self, group: Sequence[tuple[Item, asyncio.Future[Result]]]) -> None:
        try:
            results = await self._write([item for item, _ in group])
        except Exception as error:
            if len(group) > 1 and not is_database_unusable(error):
                # One of them cannot be written; the others shall not suffer for it.
                middle = len(group) // 2
                await self._write_group(group[:middle])
                await self._write_group(group[middle:])
                return
            results = [error] * len(group)
        if len(results) != len(group):
            # They are written, so they must not be written again.
            wrong = RuntimeError(f"{len(results)} results for {len(group)} items")
            log.error("group commit: %s", wrong)
            results = [wrong] * len(group)
        for (_, future), result in zip(group, results, strict=True):
            if future.done():  # the client of a cancelled request has gone
                continue
            if isinstance(result, Exception):
                future.set_exception(result)
            else:
                future.set_result(result)
