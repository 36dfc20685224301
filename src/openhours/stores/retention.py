"""Retention of observations: whole weeks that are too old are dropped."""

from datetime import timedelta

from sqlalchemy.ext.asyncio import AsyncEngine

from openhours.settings import Settings
from openhours.stores.tables import OBSERVATIONS
from openhours.times import now


async def prune_observations(engine: AsyncEngine, settings: Settings) -> int:
    """Drop the weeks that ended more than `keep_days` ago, if it is set; return how many."""
    if settings.keep_days is None:
        return 0
    return await OBSERVATIONS.prune(engine, now() - timedelta(days=settings.keep_days))
