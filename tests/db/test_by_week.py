"""The migration to weeks: a service with old data keeps every row, and what was unique stays so."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any, TypeAlias

import asyncpg
import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from openhours.activity.write import EventRow, write_events
from openhours.db.engine import make_engine, migrate
from openhours.heartbeats.write import Beat, Writer
from openhours.visits import statistics
from openhours.visits.write import NewVisit, write_visits
from tests.helpers.database import downgrade

pytestmark = pytest.mark.slow

Raw: TypeAlias = "asyncpg.Connection[Any]"
AT = datetime(2026, 3, 1, 23, 59, tzinfo=UTC)  # a Sunday
_HEARTBEATS = """
INSERT INTO stores (store_id, feed, first_observed_at)
VALUES ('pc:joe', 'beating', '2026-03-01 23:59Z'), ('shop', 'polled', '2026-03-01 23:59Z');
INSERT INTO heartbeats (store, event_time, beat_id)
SELECT 1, timestamptz '2026-03-01 23:59Z' + n * interval '1 min', 'b' || n
FROM generate_series(0, 9) n;
INSERT INTO heartbeats (store, event_time)
VALUES (1, '2026-03-01 23:59Z'), (1, '2019-05-05 05:05Z');
CREATE TABLE observations_20260223 PARTITION OF observations
    FOR VALUES FROM ('2026-02-23 00:00Z') TO ('2026-03-02 00:00Z');
CREATE TABLE observations_20260302 PARTITION OF observations
    FOR VALUES FROM ('2026-03-02 00:00Z') TO ('2026-03-09 00:00Z');
INSERT INTO observations SELECT DISTINCT store, event_time, true FROM heartbeats
WHERE event_time > '2026-01-01 00:00Z';
INSERT INTO observations VALUES (2, '2026-03-02 05:00Z', false);
"""
_VISITS = """
INSERT INTO visits (number, bots_before, visited_at, bot, user_id, page_url)
SELECT n, n / 2, now() - (500 - n) * interval '1 day', n % 2 = 1, 'u' || n, '/' || n
FROM generate_series(1, 500) n;
UPDATE visit_counter SET total = 500, bots = 250;
"""
_KILL_WHO_WAITS = """
SELECT pg_terminate_backend(pid) FROM pg_locks
WHERE relation = 'activity_events'::regclass AND NOT granted
"""
_EVENTS = """
INSERT INTO activity_events (recorded_at, id, user_id, happened_at, action, metadata, event_id)
SELECT now() - (100 - n) * interval '1 day', n, n, '2026-01-01 00:00Z', 'viewed', '{"n": 1}',
       CASE WHEN n % 2 = 0 THEN 'e' || n END
FROM generate_series(1, 100) n;
UPDATE activity_clock SET last_id = 100;
"""


def run(url: str, test: Callable[[AsyncEngine, Raw], Awaitable[None]]) -> None:
    """Run a test with a database of the version before, which holds rows."""

    async def with_old_database() -> None:
        engine = make_engine(url)
        await downgrade(engine, "0011")
        raw = await asyncpg.connect(url)
        for rows in (_HEARTBEATS, _VISITS, _EVENTS):
            await raw.execute(rows)
        await test(engine, raw)
        await raw.close()
        await engine.dispose()

    asyncio.run(with_old_database())


async def rows_of(raw: Raw) -> dict[str, list[tuple[object, ...]]]:
    """All that must survive, in a form that both versions have."""
    queries = {
        "heartbeats": "SELECT id, store, event_time FROM heartbeats ORDER BY 1",
        "visits": "SELECT number, bots_before, visited_at, bot, user_id, page_url FROM visits"
        " ORDER BY 1",
        "events": "SELECT recorded_at, id, user_id, happened_at, action, metadata"
        " FROM activity_events ORDER BY 1, 2",
        "polls": "SELECT o.* FROM observations o JOIN stores s ON s.id = store"
        " WHERE feed = 'polled'",
    }
    return {name: [tuple(row) for row in await raw.fetch(query)] for name, query in queries.items()}


def test_every_row_is_there_and_the_counts_go_on(database_url: str) -> None:
    async def test(engine: AsyncEngine, raw: Raw) -> None:
        before = await rows_of(raw)
        await migrate(engine)
        assert await rows_of(raw) == before
        assert [len(rows) for rows in before.values()] == [12, 500, 100, 1]
        assert await raw.fetchval("SELECT count(*) FROM observations_20260302") == 1
        assert await raw.fetchval("SELECT to_regclass('observations_20260223')") is None

        writer = Writer(engine)
        known = await raw.fetchrow("SELECT heartbeat, event_time FROM beat_ids ORDER BY 1 LIMIT 1")
        again, _ = await writer.write(
            [Beat("joe", AT + timedelta(days=9), "b0"), Beat("joe", AT, None)]
        )
        assert again == tuple(known)
        assert await raw.fetchval("SELECT count(DISTINCT id) FROM heartbeats") == 13

        assert list(await write_visits(engine, [NewVisit("u", "/", None, False, None, None)])) == [
            501
        ]
        assert (await statistics.totals(engine, timedelta(hours=36))).recent == 3

        event = EventRow(2, datetime(2026, 1, 1, tzinfo=UTC), "viewed", '{"n": 1}', "e2")
        recorded = await write_events(engine, [event, event._replace(action="deleted")])
        assert recorded == [before["events"][1][0], None]

    run(database_url, test)


def test_it_can_be_taken_back(database_url: str) -> None:
    async def test(engine: AsyncEngine, raw: Raw) -> None:
        before = await rows_of(raw)
        await migrate(engine)
        await downgrade(engine, "0011")
        assert await rows_of(raw) == before
        assert await raw.fetchval("SELECT count(*) FROM observations WHERE store = 1") == 11

    run(database_url, test)


def test_killed_half_way_it_has_done_nothing(database_url: str) -> None:
    async def test(engine: AsyncEngine, raw: Raw) -> None:
        before = await rows_of(raw)
        reading = raw.transaction()
        await reading.start()
        await raw.execute("LOCK activity_events IN ACCESS SHARE MODE")
        migrating = asyncio.create_task(migrate(engine))
        # It has done the rest, and waits for the reader.
        async with asyncio.timeout(30):
            while not await raw.fetchval(_KILL_WHO_WAITS):  # noqa: ASYNC110  another process
                await asyncio.sleep(0.05)
        with pytest.raises(Exception, match=r"terminat|closed"):
            await migrating
        await reading.rollback()
        async with engine.connect() as connection:
            version = text("SELECT version_num FROM alembic_version")
            assert await connection.scalar(version) == "0011"
        assert await rows_of(raw) == before
        await migrate(engine)
        assert await rows_of(raw) == before

    run(database_url, test)
