"""Retention of observations: whole weeks that are too old are dropped."""

import asyncio
import logging
from datetime import timedelta

from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncEngine

from openhours.settings import Settings
from openhours.stores import partitions
from openhours.times import now, to_us

log = logging.getLogger(__name__)

_LOCK_NOT_AVAILABLE = "55P03"
_MAX_TRIES = 20
_PAUSE = 3.0


async def prune_observations(engine: AsyncEngine, settings: Settings) -> int:
    """Drop the weeks that ended more than `keep_days` ago, if it is set; return how many."""
    if settings.keep_days is None:
        return 0
    oldest_kept = partitions.week_of(to_us(now() - timedelta(days=settings.keep_days)))
    async with engine.connect() as connection:
        tables = await connection.scalars(
            text(
                "SELECT inhrelid::regclass::text FROM pg_inherits"
                " WHERE inhparent = 'observations'::regclass"
            )
        )
        # Names end in their Monday, so they sort like time.
        old = sorted(name for name in tables if name < partitions.name_of(oldest_kept))
    for name in old:
        await _drop(engine, name)
        log.info("retention: dropped %s", name)
    return len(old)


async def _drop(engine: AsyncEngine, table: str) -> None:
    """Drop a partition; new readers must not queue while this waits for an earlier one."""
    for attempt in range(1, _MAX_TRIES + 1):
        try:
            async with engine.begin() as connection:
                await connection.execute(text("SET LOCAL lock_timeout = '500ms'"))
                await connection.execute(text(f"DROP TABLE {table}"))
            return
        except DBAPIError as error:
            sqlstate = getattr(error.orig, "sqlstate", None)
            if sqlstate != _LOCK_NOT_AVAILABLE or attempt == _MAX_TRIES:
                raise
            await asyncio.sleep(_PAUSE)
