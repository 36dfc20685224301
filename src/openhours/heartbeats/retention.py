"""Retention of heartbeats: whole weeks that are too old are dropped, like observations."""

from datetime import timedelta

from sqlalchemy.ext.asyncio import AsyncEngine

from openhours.db.pruning import prune_rows
from openhours.db.weekly import start_of, week_of
from openhours.settings import Settings
from openhours.stores.beat_packs import prune_beat_packs
from openhours.stores.tables import HEARTBEATS
from openhours.times import now, to_us


async def prune_heartbeats(engine: AsyncEngine, settings: Settings) -> int:
    """Drop the weeks that ended more than `keep_days` ago, if it is set; return how many."""
    if settings.keep_days is None:
        return 0
    oldest = start_of(week_of(to_us(now() - timedelta(days=settings.keep_days))))
    await prune_beat_packs(engine, to_us(oldest))
    dropped = await HEARTBEATS.prune(engine, oldest)
    await prune_beat_packs(engine, to_us(oldest))
    await prune_rows(engine, "beat_ids", "event_time < :oldest", oldest=oldest)
    return dropped
