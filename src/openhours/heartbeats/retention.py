"""Old heartbeats go with the observations they made."""

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from openhours.settings import Settings


async def keep_heartbeats(engine: AsyncEngine, settings: Settings) -> int:
    """Delete the events of more than `keep_days` ago; how many. Without the setting, none."""
    if settings.keep_days is None:
        return 0
    async with engine.begin() as connection:
        deleted = await connection.execute(
            text("DELETE FROM heartbeats WHERE event_time < now() - make_interval(days => :days)"),
            {"days": settings.keep_days},
        )
    return deleted.rowcount
