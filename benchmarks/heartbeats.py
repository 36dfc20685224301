"""B11: a report of PCs that beat every minute."""

import asyncio
import time
from collections.abc import Iterator
from datetime import timedelta

import asyncpg

from benchmarks.against_scripts import download
from benchmarks.measure import Result, in_turns, seconds
from benchmarks.place import Files, Place
from benchmarks.reports import ready
from openhours.db.weekly import start_of, week_of
from openhours.stores.tables import HEARTBEATS
from openhours.times import now, to_us

_PCS, _DAYS = 10_000, 14
_LONG = 3600.0
_ADD_PCS = """
INSERT INTO stores (store_id, feed, first_observed_at)
SELECT 'pc:pc-' || n, 'beating', $1 FROM generate_series(1, $2::int) n
"""
# Each PC at a second of its own; it is off for a while every day, as people's are.
_BEATS = """
SELECT minute + id % 60 * interval '1 second', nextval('heartbeat_ids'), id
FROM generate_series($1::timestamptz, $2, interval '1 minute') minute, stores
WHERE (extract(epoch FROM minute)::int8 / 60 + id * 7) % 1440 >= 60
"""
_UNPACKED = """
SELECT count(*) FROM (
    SELECT generate_series(date_trunc('hour', min(event_time)), now() - interval '1 hour',
                           interval '1 hour') FROM heartbeats
    EXCEPT SELECT hour FROM heartbeat_hours) hours
"""


def run(place: Place, files: Files, rounds: int) -> Iterator[Result]:
    """Ten thousand PCs for two weeks: two hundred million beats; against the polled stores."""
    polled, beating = place.database(), place.database()
    place.ingest(polled, files.hours, files.timezones, files.status)
    asyncio.run(_beat(beating))
    with (
        ready(place.service(polled)) as of_stores,
        ready(place.service(beating)) as of_pcs,
    ):
        while place.fetchval(beating, _UNPACKED):
            time.sleep(1)
        ours, others = in_turns(
            rounds,
            lambda: seconds(lambda: download(of_pcs)),
            lambda: seconds(lambda: download(of_stores)),
        )
    place.drop(beating)
    what = f"report of {_PCS:,} PCs that beat every minute / of 13.6 k polled stores"
    yield Result("B11", what, ours, others, ours / others, 3.0, 1.0)


async def _beat(url: str) -> None:
    """Write the beats of the last days as a service that ran all the time would have them."""
    connection = await asyncpg.connect(url, timeout=_LONG)
    until = now()
    since = until - timedelta(days=_DAYS)
    await connection.execute(_ADD_PCS, since, _PCS)
    for week in range(week_of(to_us(since)), week_of(to_us(until)) + 1):
        async with connection.transaction():
            await HEARTBEATS.create(connection, HEARTBEATS.name_of(week))
            await connection.execute(
                f"INSERT INTO {HEARTBEATS.name_of(week)} (event_time, id, store) {_BEATS}",
                max(since, start_of(week)),
                min(until, start_of(week + 1) - timedelta(minutes=1)),
                timeout=_LONG,
            )
            await HEARTBEATS.attach(connection, week)
    await connection.close()
