"""Retention of visits: whole weeks that are too old are dropped. The totals stay."""

from datetime import timedelta

from sqlalchemy.ext.asyncio import AsyncEngine

from openhours.settings import Settings
from openhours.times import now
from openhours.visits.counts import prune_counts
from openhours.visits.tables import VISITS


async def prune_visits(engine: AsyncEngine, settings: Settings) -> int:
    """Drop the weeks that ended more than `keep_visit_days` ago; return how many."""
    dropped = await VISITS.prune(engine, now() - timedelta(days=settings.keep_visit_days))
    await prune_counts(engine)
    return dropped
