"""Old events go by whole weeks, when they are counted; and so do their counts."""

import asyncio
from datetime import UTC, datetime, timedelta

import asyncpg
import pytest

from openhours.activity.counts import count_ended_periods
from openhours.activity.retention import prune_activity
from openhours.activity.tables import EVENTS
from openhours.activity.write import EventRow, write_events
from openhours.db.engine import make_engine
from openhours.settings import Settings
from openhours.times import now
from tests.helpers.database import make_weeks


@pytest.mark.slow
def test_old_weeks_go_once_they_are_counted(settings: Settings, database_url: str) -> None:
    async def scenario() -> None:
        engine, raw = make_engine(database_url), await asyncpg.connect(database_url)
        await make_weeks(raw, EVENTS, now() - timedelta(days=500), now())
        await raw.execute(
            """
            INSERT INTO activity_events (recorded_at, id, user_id, happened_at, action, metadata)
            SELECT now() - (500 - n) * interval '1 day', n, 6, '2025-01-01Z', 'viewed', '{}'
            FROM generate_series(1, 499) n;
            INSERT INTO activity_event_ids SELECT 'e' || id, recorded_at, id FROM activity_events;
            UPDATE activity_clock SET last_id = 499
            """
        )
        assert await prune_activity(engine, settings) == 0, "nothing is counted yet"
        counted = "UPDATE activity_counting SET counted_until = now() - interval '490 days'"
        await raw.execute(counted)
        assert await prune_activity(engine, settings) <= 2, "the rest is not counted yet"
        await count_ended_periods(engine, "0 0 * * *")
        assert 10 <= await prune_activity(engine, settings) <= 16
        kept = ("activity_events", "activity_event_ids", "activity_counts", "activity_periods")
        for table in kept:
            assert 398 <= await raw.fetchval(f"SELECT count(*) FROM {table}") <= 407, table
        await prune_activity(engine, settings.model_copy(update={"keep_event_days": 100}))
        for table in kept:
            assert 98 <= await raw.fetchval(f"SELECT count(*) FROM {table}") <= 107, table
        event = EventRow(6, datetime(2025, 1, 1, tzinfo=UTC), "viewed", "{}", "e499")
        [recorded] = await write_events(engine, [event])
        assert recorded is not None, "the event is known"
        assert now() - recorded > timedelta(hours=23)
        await raw.close()
        await engine.dispose()

    asyncio.run(scenario())
