"""Weeks are made by whoever needs them first, while others do the same or load a file."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any, TypeAlias

import asyncpg
import pytest

from openhours.db.weekly import week_of
from openhours.errors import Unavailable
from openhours.stores.tables import OBSERVATIONS
from openhours.times import to_us

AT = datetime(2024, 2, 29, 12, tzinfo=UTC)
WEEK = week_of(to_us(AT))

Connection: TypeAlias = "asyncpg.Connection[Any]"

# Columns, constraints, indexes and triggers of a table.
_LOOKS = """
SELECT format('%s %s %s', attname, atttypid::regtype, attnotnull) AS what
FROM pg_attribute WHERE attrelid = $1::text::regclass AND attnum > 0
UNION ALL
SELECT format('%s %s %s', conname, contype, pg_get_constraintdef(oid))
FROM pg_constraint WHERE conrelid = $1::text::regclass AND contype <> 'n'
UNION ALL
SELECT indexdef FROM pg_indexes WHERE tablename = $1
UNION ALL
SELECT tgname FROM pg_trigger WHERE tgrelid = $1::text::regclass
ORDER BY what
"""


def run(url: str, test: Callable[[list[Connection]], Awaitable[None]]) -> None:
    """Run a test with eight connections."""

    async def with_connections() -> None:
        connections = [await asyncpg.connect(url) for _ in range(8)]
        async with asyncio.timeout(30):
            await test(connections)
        for connection in connections:
            await connection.close()

    asyncio.run(with_connections())


async def insert(connection: Connection, store: int = 1) -> None:
    await connection.execute("INSERT INTO observations VALUES ($1, $2, true)", store, AT)


async def bring(connection: Connection, week: int, *polled_at: datetime) -> None:
    """Make a week of a new table with polls at these instants, as a file does."""
    table = OBSERVATIONS.new_name(week)
    await OBSERVATIONS.create(connection, table)
    await connection.executemany(
        f"INSERT INTO {table} VALUES (1, $1, true)", [(at,) for at in polled_at]
    )
    await OBSERVATIONS.add_key(connection, table, week)
    await OBSERVATIONS.attach(connection, week, table)


def test_all_who_need_a_week_at_once_get_one(database_url: str) -> None:
    async def test(connections: list[Connection]) -> None:
        for week in range(WEEK, WEEK + 5):
            await asyncio.gather(*(OBSERVATIONS.ensure(one, week) for one in connections))
        await insert(connections[0])
        assert await connections[0].fetchval("SELECT count(*) FROM observations_20240226") == 1
        with pytest.raises(asyncpg.UniqueViolationError):
            await insert(connections[1])

    run(database_url, test)


@pytest.mark.slow
def test_who_needs_a_week_that_a_file_is_bringing_is_told_to_try_later(database_url: str) -> None:
    async def test(connections: list[Connection]) -> None:
        loader, agent, other, *_ = connections
        await OBSERVATIONS.ensure(agent, WEEK + 1)
        async with loader.transaction():
            assert await OBSERVATIONS.is_missing(loader, WEEK)
            await bring(loader, WEEK, AT)
            await OBSERVATIONS.ensure(agent, WEEK + 1)  # what there is, is not waited for
            with pytest.raises(Unavailable, match="2024-02-26"):
                await OBSERVATIONS.ensure(agent, WEEK)
            patient = asyncio.create_task(OBSERVATIONS.ensure(other, WEEK + 2))
            await asyncio.sleep(0.3)
        await patient  # the file was soon loaded
        await OBSERVATIONS.ensure(agent, WEEK)
        await insert(agent, store=2)
        assert await agent.fetchval("SELECT count(*) FROM observations") == 2

    run(database_url, test)


@pytest.mark.slow
def test_a_file_waits_for_who_is_making_its_week_and_then_merges(database_url: str) -> None:
    async def test(connections: list[Connection]) -> None:
        loader, agent, *_ = connections
        making = agent.transaction()
        await making.start()
        await OBSERVATIONS.ensure(agent, WEEK)

        async def load() -> bool:
            async with loader.transaction():
                return await OBSERVATIONS.is_missing(loader, WEEK)

        loading = asyncio.create_task(load())
        await asyncio.sleep(0.3)
        assert not loading.done()
        await making.commit()
        assert await loading is False, "the week is there: it is to be merged into"

    run(database_url, test)


def test_a_week_that_was_detached_comes_back_with_what_it_holds(database_url: str) -> None:
    async def test(connections: list[Connection]) -> None:
        one = connections[0]
        await OBSERVATIONS.ensure(one, WEEK)
        await insert(one)
        await one.execute("ALTER TABLE observations DETACH PARTITION observations_20240226")
        await OBSERVATIONS.ensure(one, WEEK)
        await insert(one, store=2)
        assert await one.fetchval("SELECT count(*) FROM observations") == 2

    run(database_url, test)


def test_a_new_table_with_rows_of_another_week_does_not_become_the_weeks(
    database_url: str,
) -> None:
    async def test(connections: list[Connection]) -> None:
        loader = connections[0]
        table = OBSERVATIONS.new_name(WEEK + 1)
        await OBSERVATIONS.create(loader, table)
        await loader.execute(f"INSERT INTO {table} VALUES (1, $1, true)", AT)
        with pytest.raises(asyncpg.CheckViolationError):
            await OBSERVATIONS.add_key(loader, table, WEEK + 1)
        await OBSERVATIONS.drop_new(loader)
        assert await loader.fetchval("SELECT to_regclass($1)", table) is None

    run(database_url, test)


def test_a_week_with_a_new_table_is_like_the_others(database_url: str) -> None:
    async def test(connections: list[Connection]) -> None:
        one = connections[0]
        await OBSERVATIONS.ensure(one, WEEK)
        await bring(one, WEEK + 1)
        looks = [
            [
                row["what"].replace(OBSERVATIONS.name_of(week), "week")
                for row in await one.fetch(_LOOKS, OBSERVATIONS.name_of(week))
            ]
            for week in (WEEK, WEEK + 1)
        ]
        assert looks[0] == looks[1]
        assert any("PRIMARY KEY" in line for line in looks[0])

    run(database_url, test)


def test_new_tables_are_dropped_but_not_what_a_person_made_or_reads(database_url: str) -> None:
    async def test(connections: list[Connection]) -> None:
        one, reader, *_ = connections
        read, left = OBSERVATIONS.new_name(WEEK), OBSERVATIONS.new_name(WEEK)
        copied = f"{OBSERVATIONS.name_of(WEEK)}_20240301"
        for table in read, left, copied:
            await OBSERVATIONS.create(one, table)
        async with reader.transaction():
            await reader.execute(f"SELECT FROM {read}")
            await OBSERVATIONS.drop_new(one)
            names = [await one.fetchval("SELECT to_regclass($1)", t) for t in (read, left, copied)]
            assert [name is not None for name in names] == [True, False, True]
        await OBSERVATIONS.drop_new(one)
        assert await one.fetchval("SELECT to_regclass($1)", read) is None
        await one.execute(f"DROP TABLE {copied}")

    run(database_url, test)


def test_a_week_whose_index_has_its_name_elsewhere_is_made_again(database_url: str) -> None:
    async def test(connections: list[Connection]) -> None:
        one = connections[0]
        await OBSERVATIONS.ensure(one, WEEK)
        name = OBSERVATIONS.name_of(WEEK)
        await one.execute(
            f"ALTER TABLE observations DETACH PARTITION {name}; ALTER TABLE {name} RENAME TO kept"
        )
        await bring(one, WEEK)
        await insert(one)
        with pytest.raises(asyncpg.UniqueViolationError):
            await insert(one)
        await one.execute("DROP TABLE kept")

    run(database_url, test)
