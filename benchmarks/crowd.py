"""Visits, events and heartbeats of the last four weeks, as if they had come one by one."""

import asyncio
from collections.abc import Sequence
from datetime import datetime, timedelta

import asyncpg

from openhours.activity.counts import count_ended_periods
from openhours.activity.tables import EVENTS
from openhours.agent.names import PREFIX
from openhours.db.engine import make_engine
from openhours.db.weekly import WeeklyTable, start_of, week_of
from openhours.settings import get_settings
from openhours.stores.tables import BEATING, HEARTBEATS
from openhours.times import MINUTE, now, to_us
from openhours.visits.counts import count_visits
from openhours.visits.tables import VISITS

_MINUTES = 28 * 24 * 60
USER = 17  # one of those who have events

# Row n, from $1 to $2, is of the instant $3 + n * $4. Every twentieth visit is a bot's.
_ROWS = {
    VISITS: """
        INSERT INTO {} (visited_at, number, bots_before, bot, user_id, page_url, user_agent,
                        referrer)
        SELECT $3::timestamptz + n * $4::interval, n + 1, (n + 19) / 20, n % 20 = 0,
               'u-' || n % 100000, '/shop/' || n * 7919 % 3000, 'Mozilla/5.0',
               CASE n % 3 WHEN 0 THEN 'https://example.com/' || n % 500 END
        FROM generate_series($1::int8, $2::int8) n""",
    EVENTS: """
        INSERT INTO {} (recorded_at, id, user_id, happened_at, action, metadata)
        SELECT $3::timestamptz + n * $4::interval, n + 1, n * 7919 % 5000,
               $3::timestamptz + n * $4::interval,
               (ARRAY['created', 'updated', 'deleted', 'viewed'])[n % 4 + 1],
               jsonb_build_object('document', n % 1000)
        FROM generate_series($1::int8, $2::int8) n""",
    HEARTBEATS: """
        INSERT INTO {} (event_time, id, store)
        SELECT $3::timestamptz + n * $4::interval, n + 1, ($5::int4[])[n % cardinality($5) + 1]
        FROM generate_series($1::int8, $2::int8) n""",
}
_PCS = """
INSERT INTO stores (store_id, feed, first_observed_at)
SELECT $1 || 'pc-' || n, $2, $3 FROM generate_series(1, $4) n RETURNING id
"""
_COUNTERS = """
UPDATE visit_counter SET total = {rows}, bots = ({rows} + 19) / 20, newest_at = '{until}';
UPDATE activity_clock SET last_id = {rows}, recorded_at = '{until}';
SELECT setval('heartbeat_ids', {rows});
"""


def gather(url: str, pcs: int) -> None:
    """Add PCs that beat every minute, as many visits and events, and count them as a worker does.

    40,320 of each a PC.
    """
    asyncio.run(_gather(url, pcs))


async def _gather(url: str, pcs: int) -> None:
    until = now()
    since, rows = until - timedelta(minutes=_MINUTES), pcs * _MINUTES
    connection = await asyncpg.connect(url)
    stores = [row["id"] for row in await connection.fetch(_PCS, PREFIX, BEATING, since, pcs)]
    await asyncio.gather(*(_fill(url, table, since, rows, stores) for table in _ROWS))
    await connection.execute(_COUNTERS.format(rows=rows, until=until))
    await connection.close()
    engine = make_engine(url)
    await count_visits(engine)
    await count_ended_periods(engine, get_settings().activity_cron)
    await engine.dispose()


async def _fill(
    url: str, table: WeeklyTable, since: datetime, rows: int, stores: Sequence[int]
) -> None:
    """Write rows 0 to `rows`, a week after the other."""
    every = _MINUTES * MINUTE // rows
    begin = to_us(since)
    connection = await asyncpg.connect(url)
    for week in range(week_of(begin), week_of(begin + (rows - 1) * every) + 1):
        first, last = (
            min(max(0, -(-(to_us(start_of(at)) - begin) // every)), rows) for at in (week, week + 1)
        )
        given: list[object] = [first, last - 1, since, timedelta(microseconds=every)]
        given += [stores] if table is HEARTBEATS else []
        async with connection.transaction():
            await table.create(connection, table.name_of(week))
            statement = _ROWS[table].format(table.name_of(week))
            await connection.execute(statement, *given, timeout=3600)
            await table.attach(connection, week)
    await connection.close()
