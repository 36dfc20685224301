"""Retention of observations: whole weeks that are too old are dropped."""

from datetime import timedelta

from sqlalchemy.ext.asyncio import AsyncEngine

from openhours.db.weekly import start_of, week_of
from openhours.settings import Settings
from openhours.stores.packs import prune_packs
from openhours.stores.tables import OBSERVATIONS
from openhours.times import DAY, now, to_us


async def prune_observations(engine: AsyncEngine, settings: Settings) -> int:
    """Drop the weeks that ended more than `keep_days` ago, if it is set; return how many."""
    if settings.keep_days is None:
        return 0
    oldest = start_of(week_of(to_us(now() - timedelta(days=settings.keep_days))))
    await prune_packs(engine, to_us(oldest) // DAY)
    return await OBSERVATIONS.prune(engine, oldest)
