"""Retention of activity: whole weeks of events that are too old are dropped, and their counts."""

from datetime import timedelta

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from openhours.activity.tables import EVENTS
from openhours.db.pruning import prune_rows
from openhours.db.weekly import start_of, week_of
from openhours.settings import Settings
from openhours.times import now, to_us

_COUNTED = text("SELECT counted_until FROM activity_counting")


async def prune_activity(engine: AsyncEngine, settings: Settings) -> int:
    """Drop the weeks that ended more than `keep_event_days` ago; return how many.

    Events that are not counted yet stay, and all of their week.
    """
    oldest = now() - timedelta(days=settings.keep_event_days)
    async with engine.connect() as connection:
        counted_until = await connection.scalar(_COUNTED)
    if counted_until is None:
        return 0
    oldest = start_of(week_of(to_us(min(oldest, counted_until))))
    dropped = await EVENTS.prune(engine, oldest)
    await prune_rows(engine, "activity_event_ids", "recorded_at < :oldest", oldest=oldest)
    for table in ("activity_counts", "activity_periods"):
        await prune_rows(engine, table, "period_end <= :oldest", oldest=oldest)
    return dropped
