"""What a group of heartbeats does to the tables."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any, TypeAlias

import asyncpg

from openhours.db.engine import make_engine
from openhours.errors import Unavailable
from openhours.heartbeats.write import Beat, Recorded, Writer
from openhours.stores import partitions
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


async def observed(connection: Connection) -> list[tuple[Any, ...]]:
    rows = await connection.fetch(
        "SELECT s.store_id, s.feed, s.first_observed_at, o.observed_at, o.active"
        " FROM stores s JOIN observations o ON o.store = s.id ORDER BY 1, 4"
    )
    return [tuple(row) for row in rows]


def test_a_heartbeat_is_an_observation_of_its_store(database_url: str) -> None:
    async def test(one: Writer, other: Writer, connection: Connection) -> None:
        await connection.execute("INSERT INTO stores (store_id) VALUES ('pc:joe')")
        await one.write([Beat("joe", AT, "a"), Beat("joe", AT, None), Beat("joe", AT, None)])
        assert await observed(connection) == [("pc:joe", "beating", AT, AT, True)]
        assert await connection.fetchval("SELECT count(*) FROM heartbeats") == 3
        # An earlier one, by a process that knows nothing; a repeated one counts where it was.
        await other.write([Beat("joe", EARLIER, "b"), Beat("joe", AT - timedelta(days=99), "a")])
        await one.write([Beat("joe", AT + timedelta(1), None), Beat("joe", EARLIER, "b")])
        assert await observed(connection) == [
            ("pc:joe", "beating", EARLIER, at, True) for at in (EARLIER, AT, AT + timedelta(1))
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
        assert await connection.fetchval("SELECT count(*) FROM observations") == 500

    run(database_url, test)


def test_while_a_file_brings_a_week_only_beats_of_that_week_wait(database_url: str) -> None:
    async def test(one: Writer, _: Writer, connection: Connection) -> None:
        await one.write([Beat("joe", AT, "a")])
        loading = connection.transaction()
        await loading.start()
        week = partitions.week_of(to_us(EARLIER))
        assert await partitions.begin(connection, week)
        await partitions.attach(connection, week)
        later = AT + timedelta(minutes=1)
        beats = [Beat("joe", EARLIER, "b"), Beat("joe", later, "c"), Beat("joe", EARLIER, "d")]
        first, second, third = await one.write(beats)
        assert isinstance(first, Unavailable)
        assert isinstance(second, Recorded)
        assert isinstance(third, Unavailable)
        await loading.commit()
        done = await one.write(beats)
        assert done[1] == second
        assert [row[3] for row in await observed(connection)] == [EARLIER, AT, later]

    run(database_url, test)


def test_a_week_that_was_dropped_is_made_again(database_url: str) -> None:
    async def test(one: Writer, _: Writer, connection: Connection) -> None:
        await one.write([Beat("joe", AT, "a")])
        await connection.execute("DROP TABLE observations_20240226")
        later = AT + timedelta(minutes=1)
        await one.write([Beat("joe", later, "b")])
        assert await observed(connection) == [("pc:joe", "beating", AT, later, True)]

    run(database_url, test)
