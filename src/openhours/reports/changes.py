"""Waiting for reports: PostgreSQL wakes who waits, whichever process computes. Nobody polls.

A server process listens over one connection, however many of its clients wait. When it is lost,
all are woken once it is there again, and look for themselves.
"""

import asyncio
import logging
import time
from collections import defaultdict
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager, suppress
from typing import Annotated, Any

import asyncpg
from fastapi import Depends
from sqlalchemy.ext.asyncio import AsyncEngine

from openhours.api.dependencies import Resource
from openhours.db.engine import is_database_unusable, plain_url
from openhours.reports.notify import ENDED, PROGRESS, UNFINISHED
from openhours.reports.queries import find_report
from openhours.reports.tables import Report

log = logging.getLogger(__name__)

_CHECK_EVERY = 15.0  # seconds
_RETRY_AFTER = 1.0  # seconds


class Changes:
    """The reports whose end or progress clients of this process wait for."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._waiting: defaultdict[tuple[str, str], set[asyncio.Event]] = defaultdict(set)

    async def run(self) -> None:
        """Listen, until cancelled."""
        while True:
            try:
                await self._listen()
            except Exception as error:
                if not is_database_unusable(error) and not isinstance(error, TimeoutError):
                    raise
                log.warning("no news of reports: %s", error or type(error).__name__)
            await asyncio.sleep(_RETRY_AFTER)

    async def _listen(self) -> None:
        settings = {"application_name": "openhours"}
        connection = await asyncpg.connect(
            plain_url(self._url), timeout=10, server_settings=settings
        )
        try:
            for channel in (ENDED, PROGRESS):
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
    def _watching(self, report_id: str, *channels: str) -> Iterator[asyncio.Event]:
        event = asyncio.Event()
        for channel in channels:
            self._waiting[channel, report_id].add(event)
        try:
            yield event
        finally:
            for channel in channels:
                events = self._waiting[channel, report_id]
                events.discard(event)
                if not events:
                    del self._waiting[channel, report_id]

    async def wait(self, engine: AsyncEngine, report_id: str, seconds: float) -> Report:
        """Return the report when it has ended, or after so many seconds. Raise NotFound."""
        deadline = time.monotonic() + seconds
        with self._watching(report_id, ENDED) as changed:
            while True:
                changed.clear()
                report = await find_report(engine, report_id)
                left = deadline - time.monotonic()
                if report.state not in UNFINISHED or left <= 0:
                    return report
                with suppress(TimeoutError):
                    await asyncio.wait_for(changed.wait(), left)

    async def follow(
        self, engine: AsyncEngine, report_id: str, every: float
    ) -> AsyncIterator[Report]:
        """Yield the report, again at each change and every so many seconds, until it has ended.

        Raise NotFound, also if it is removed meanwhile.
        """
        with self._watching(report_id, ENDED, PROGRESS) as changed:
            while True:
                changed.clear()
                report = await find_report(engine, report_id)
                yield report
                if report.state not in UNFINISHED:
                    return
                with suppress(TimeoutError):
                    await asyncio.wait_for(changed.wait(), every)


def _set_all(events: set[asyncio.Event]) -> None:
    for event in events:
        event.set()


CHANGES: Resource[Changes] = Resource("report changes")
ReportChanges = Annotated[Changes, Depends(CHANGES)]
