"""Waiting for reports and ingestions: PostgreSQL wakes who waits, whichever process works on them.

Nobody polls. A server process listens over one connection, however many of its clients wait. When
it is lost, all are woken once it is there again, and look again. Clients that are woken together
share one query, be they a thousand.
"""

import asyncio
import json
import logging
import time
from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Annotated, Any, Protocol, TypeVar

import asyncpg
from fastapi import Depends
from fastapi.responses import StreamingResponse
from sqlalchemy.ext.asyncio import AsyncEngine

from openhours.api.dependencies import Resource
from openhours.db.engine import is_database_unusable, plain_url
from openhours.db.queue import UNFINISHED
from openhours.errors import NotFound

log = logging.getLogger(__name__)

_CHECK_EVERY = 15.0  # seconds
_RETRY_AFTER = 1.0  # seconds
# Proxies close connections on which nothing comes for a minute.
_AT_LEAST_EVERY = 15.0  # seconds

_EVENT = {
    "type": "object",
    "properties": {"event": {"enum": ["progress", "end"]}, "data": {"type": "string"}},
    "required": ["event", "data"],
}


class _Work(Protocol):
    @property
    def state(self) -> Any: ...


Work = TypeVar("Work", bound=_Work)

# How a report or an ingestion is found by its id.
Find = Callable[[AsyncEngine, str], Awaitable[Work]]


class _Looks:
    """Queries for reports and ingestions, shared by all who ask before one begins.

    Those for the same report or ingestion take turns.
    """

    def __init__(self) -> None:
        self._next: dict[tuple[Any, str], asyncio.Task[Any]] = {}  # not begun
        self._last: dict[tuple[Any, str], asyncio.Task[Any]] = {}  # begun or not

    async def look(self, find: Find[Work], engine: AsyncEngine, id: str) -> Work:
        """Return what `find` finds in a query that has not begun yet; raise what it raises."""
        key = (find, id)
        task: asyncio.Task[Work] | None = self._next.get(key)
        if task is None:
            task = asyncio.create_task(self._find(self._last.get(key), find, engine, id))
            self._next[key] = self._last[key] = task
        # A client that leaves does not end it for the others.
        return await asyncio.shield(task)

    async def _find(
        self, before: asyncio.Task[Any] | None, find: Find[Work], engine: AsyncEngine, id: str
    ) -> Work:
        key = (find, id)
        if before is not None:
            await asyncio.wait([before])
        task = self._next.pop(key)
        try:
            return await find(engine, id)
        finally:
            if self._last[key] is task:
                del self._last[key]


class Changes:
    """The reports and ingestions whose changes clients of this process wait for.

    `channels` are those of PostgreSQL on which they are told; each message is an id.
    """

    def __init__(self, url: str, channels: Sequence[str]) -> None:
        self._url = url
        self._channels = channels
        self._waiting: defaultdict[tuple[str, str], set[asyncio.Event]] = defaultdict(set)
        self._looks = _Looks()

    async def run(self) -> None:
        """Listen, until cancelled."""
        while True:
            try:
                await self._listen()
            except Exception as error:
                if not is_database_unusable(error) and not isinstance(error, TimeoutError):
                    raise
                log.warning("no news of reports and files: %s", error or type(error).__name__)
            await asyncio.sleep(_RETRY_AFTER)

    async def _listen(self) -> None:
        settings = {"application_name": "openhours"}
        connection = await asyncpg.connect(
            plain_url(self._url), timeout=10, server_settings=settings
        )
        try:
            for channel in self._channels:
                await connection.add_listener(channel, self._notified)
            for events in list(self._waiting.values()):
                _set_all(events)
            while True:
                await asyncio.sleep(_CHECK_EVERY)
                # Whether it is still there: nothing else is ever sent.
                await connection.execute("SELECT 1", timeout=_CHECK_EVERY)
        finally:
            connection.terminate()

    def _notified(self, _connection: Any, _pid: int, channel: str, payload: object) -> None:
        _set_all(self._waiting.get((channel, str(payload)), set()))

    @contextmanager
    def _watching(self, id: str, channels: Sequence[str]) -> Iterator[asyncio.Event]:
        event = asyncio.Event()
        for channel in channels:
            self._waiting[channel, id].add(event)
        try:
            yield event
        finally:
            for channel in channels:
                events = self._waiting[channel, id]
                events.discard(event)
                if not events:
                    del self._waiting[channel, id]

    async def wait(
        self,
        find: Find[Work],
        engine: AsyncEngine,
        id: str,
        channels: Sequence[str],
        seconds: float,
    ) -> Work:
        """Return what `find` finds when it has ended, or after so many seconds.

        `channels` tell when it ends.
        """
        deadline = time.monotonic() + seconds
        with self._watching(id, channels) as changed:
            while True:
                changed.clear()
                found = await self._looks.look(find, engine, id)
                left = deadline - time.monotonic()
                if found.state not in UNFINISHED or left <= 0:
                    return found
                with suppress(TimeoutError):
                    await asyncio.wait_for(changed.wait(), left)

    async def follow(
        self,
        find: Find[Work],
        engine: AsyncEngine,
        id: str,
        channels: Sequence[str],
        every: float,
    ) -> AsyncIterator[Work]:
        """Yield what `find` finds, again at each change and every so many seconds, to its end.

        `channels` tell of each change.
        """
        with self._watching(id, channels) as changed:
            while True:
                changed.clear()
                found = await self._looks.look(find, engine, id)
                yield found
                if found.state not in UNFINISHED:
                    return
                with suppress(TimeoutError):
                    await asyncio.wait_for(changed.wait(), every)

    async def events(
        self,
        find: Find[Work],
        engine: AsyncEngine,
        id: str,
        channels: Sequence[str],
        told: Callable[[Work], dict[str, Any]],
        removed: dict[str, Any],
    ) -> StreamingResponse:
        """Answer with server-sent events: `progress` at each change, and `end` at last.

        Their data is what is `told` of what `find` finds, or `removed` once that raises NotFound.
        Raise NotFound if there is nothing from the start.
        """
        # A 404 can only be told before the stream begins.
        await self._looks.look(find, engine, id)

        async def stream() -> AsyncIterator[str]:
            try:
                async for found in self.follow(find, engine, id, channels, _AT_LEAST_EVERY):
                    name = "progress" if found.state in UNFINISHED else "end"
                    yield _event(name, told(found))
            except NotFound:
                yield _event("end", removed)

        headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
        return StreamingResponse(stream(), 200, headers, "text/event-stream")


def _event(name: str, data: dict[str, Any]) -> str:
    return f"event: {name}\ndata: {json.dumps(data)}\n\n"


def event_responses(example: Sequence[tuple[str, dict[str, Any]]]) -> dict[int | str, Any]:
    """Return the OpenAPI responses of a route that answers with events such as these."""
    text = "".join(_event(name, data) for name, data in example)
    return {
        200: {
            "description": "Server-sent events: `progress`, and `end` at last.",
            "content": {"text/event-stream": {"schema": _EVENT, "example": text}},
        }
    }


def _set_all(events: set[asyncio.Event]) -> None:
    for event in events:
        event.set()


CHANGES: Resource[Changes] = Resource("changes")
WatchedChanges = Annotated[Changes, Depends(CHANGES)]
