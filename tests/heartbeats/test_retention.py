"""Heartbeats go by whole weeks, and with them what is known of their ids."""

import asyncio
from datetime import timedelta

import asyncpg

from openhours.db.engine import make_engine
from openhours.heartbeats.retention import prune_heartbeats
from openhours.heartbeats.write import Beat, Writer
from openhours.settings import Settings
from openhours.times import now


def test_whole_weeks_that_ended_before_the_limit_go(settings: Settings, database_url: str) -> None:
    async def scenario() -> None:
        engine, raw = make_engine(database_url), await asyncpg.connect(database_url)
        writer, present = Writer(engine), now()
        beats = [Beat("joe", present - timedelta(days=days), f"{days}") for days in (0, 20, 40, 60)]
        first = await writer.write(beats)
        assert await prune_heartbeats(engine, settings) == 0
        limits = settings.model_copy(update={"keep_days": 30})
        assert await prune_heartbeats(engine, limits) == 2
        for table in ("heartbeats", "beat_ids"):
            assert await raw.fetchval(f"SELECT count(*) FROM {table}") == 2
        # What is kept is still known; what is gone would be new.
        again = await writer.write(beats)
        assert again[:2] == first[:2]
        assert again[2:] != first[2:]
        await raw.close()
        await engine.dispose()

    asyncio.run(scenario())
