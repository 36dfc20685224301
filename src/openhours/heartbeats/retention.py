"""Deleting old heartbeats, as old observations are deleted."""

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from openhours.settings import Settings


async def prune_heartbeats(engine: AsyncEngine, settings: Settings) -> int:
    """Delete heartbeats older than `keep_days`, if that is set, and return how many."""
    if settings.keep_days is None:
        return 0
    async with engine.begin() as connection:
        deleted = await connection.execute(
            text("DELETE FROM heartbeats WHERE event_time < now() - make_interval(days => :days)"),
            {"days": settings.keep_days},
        )
    return deleted.rowcount
