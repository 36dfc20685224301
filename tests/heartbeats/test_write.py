"""What a group of heartbeats does to the tables."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any, TypeAlias

import asyncpg

from openhours.db.engine import make_engine
from openhours.db.weekly import week_of
from openhours.heartbeats.write import Beat, Recorded, Writer
from openhours.stores.tables import OBSERVATIONS
from openhours.times import to_us

AT = datetime(2024, 2, 29, 12, tzinfo=UTC)
EARLIER = AT - timedelta(days=30)

Connection: TypeAlias = "asyncpg.Connection[Any]"


def run(url: str, test: Callable[[Writer, Writer, Connection], Awaitable[None]]) -> None:
    """Run a test with the writers of two processes and a connection."""

    async def with_writers() -> None:
        engines = [make_engine(url), make_engine(url)]
        connection = await asyncpg.connect(url)
        async with asyncio.timeout(30):
            await test(Writer(engines[0]), Writer(engines[1]), connection)
        await connection.close()
        for engine in engines:
            await engine.dispose()

    asyncio.run(with_writers())


async def recorded(connection: Connection) -> list[tuple[Any, ...]]:
    rows = await connection.fetch(
        "SELECT s.store_id, s.feed, s.first_observed_at, h.event_time"
        " FROM stores s JOIN heartbeats h ON h.store = s.id ORDER BY 1, 4"
    )
    return [tuple(row) for row in rows]


def test_a_repeated_beat_id_is_one_heartbeat_whatever_time_it_comes_with(
    database_url: str,
) -> None:
    async def test(one: Writer, other: Writer, connection: Connection) -> None:
        await connection.execute("INSERT INTO stores (store_id) VALUES ('pc:joe')")
        first, *_ = await one.write(
            [Beat("joe", AT, "a"), Beat("joe", AT, None), Beat("joe", AT, None)]
        )
        assert await recorded(connection) == [("pc:joe", "beating", AT, AT)] * 3
        # An earlier one, by a process that knows nothing; a repeated one counts where it was.
        again = await other.write(
            [Beat("joe", EARLIER, "b"), Beat("joe", AT - timedelta(days=99), "a")]
        )
        assert again[1] == first
        await one.write([Beat("joe", AT + timedelta(1), None), Beat("joe", EARLIER, "b")])
        assert await recorded(connection) == [
            ("pc:joe", "beating", EARLIER, at) for at in (EARLIER, AT, AT, AT, AT + timedelta(1))
        ]

    run(database_url, test)


def test_two_processes_that_write_the_same_beats_in_opposite_order(database_url: str) -> None:
    async def test(one: Writer, other: Writer, connection: Connection) -> None:
        for turn in range(5):
            beats = [
                Beat(f"pc {n % 7}", AT + timedelta(seconds=n), f"{turn} {n}") for n in range(500)
            ]
            done, again = await asyncio.gather(one.write(beats), other.write(beats[::-1]))
            assert done == again[::-1]
            assert len(set(done)) == 500
        assert await connection.fetchval("SELECT count(*) FROM heartbeats") == 2500
        assert await connection.fetchval("SELECT count(*) FROM beat_ids") == 2500

    run(database_url, test)


def test_a_beat_id_that_is_sent_for_two_weeks_at_once_is_one_heartbeat(database_url: str) -> None:
    async def test(one: Writer, other: Writer, connection: Connection) -> None:
        for turn in range(20):
            done = await asyncio.gather(
                one.write([Beat("joe", AT, str(turn))]),
                other.write([Beat("joe", EARLIER, str(turn))]),
            )
            assert done[0] == done[1]
        assert await connection.fetchval("SELECT count(*) FROM heartbeats") == 20

    run(database_url, test)


def test_a_file_that_brings_a_week_does_not_hold_up_its_heartbeats(database_url: str) -> None:
    async def test(one: Writer, _: Writer, connection: Connection) -> None:
        async with connection.transaction():
            week = week_of(to_us(EARLIER))
            await OBSERVATIONS.ensure(connection, week)
            [done] = await one.write([Beat("joe", EARLIER, "b")])
            assert isinstance(done, Recorded)

    run(database_url, test)


def test_a_week_that_was_dropped_is_made_again(database_url: str) -> None:
    async def test(one: Writer, _: Writer, connection: Connection) -> None:
        await one.write([Beat("joe", AT, "a")])
        await connection.execute("DROP TABLE heartbeats_20240226")
        later = AT + timedelta(minutes=1)
        await one.write([Beat("joe", later, "b")])
        assert await recorded(connection) == [("pc:joe", "beating", AT, later)]

    run(database_url, test)
