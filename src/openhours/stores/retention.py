"""Old observations go by whole weeks, old rejects with them."""

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
_TRIES = 20
_PAUSE = 3.0


async def keep_observations(engine: AsyncEngine, settings: Settings) -> int:
    """Drop the weeks that ended more than `keep_days` ago; how many. Without the setting, none.

    Rejected rows are kept for 30 days, those of each file's newest ingestion for ever.
    """
    async with engine.begin() as connection:
        await connection.execute(
            text(
                """
                DELETE FROM rejected_rows WHERE ingestion IN (
                    SELECT id FROM ingestions i
                    WHERE finished_at < now() - interval '30 days' AND EXISTS (
                        SELECT FROM ingestions newer
                        WHERE newer.path = i.path AND newer.id > i.id))
                """
            )
        )
        await connection.execute(
            text("DELETE FROM pgqueuer_log WHERE created < now() - interval '30 days'")
        )
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
        log.info("retention: %s is gone", name)
    return len(old)


async def _drop(engine: AsyncEngine, table: str) -> None:
    """Drop a partition without making readers queue behind us while we wait for one of them."""
    for attempt in range(1, _TRIES + 1):
        try:
            async with engine.begin() as connection:
                await connection.execute(text("SET LOCAL lock_timeout = '500ms'"))
                await connection.execute(text(f"DROP TABLE {table}"))
            return
        except DBAPIError as error:
            if getattr(error.orig, "sqlstate", None) != _LOCK_NOT_AVAILABLE or attempt == _TRIES:
                raise
            await asyncio.sleep(_PAUSE)
