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
            assert await OBSERVATIONS.begin(loader, WEEK)
            await insert_apart(loader)
            await OBSERVATIONS.attach(loader, WEEK)
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


async def insert_apart(loader: Connection) -> None:
    await loader.execute("INSERT INTO observations_20240226 VALUES (1, $1, true)", AT)


@pytest.mark.slow
def test_a_file_waits_for_who_is_making_its_week_and_then_merges(database_url: str) -> None:
    async def test(connections: list[Connection]) -> None:
        loader, agent, *_ = connections
        making = agent.transaction()
        await making.start()
        assert await OBSERVATIONS.begin(agent, WEEK)
        await OBSERVATIONS.attach(agent, WEEK)

        async def load() -> bool:
            async with loader.transaction():
                return await OBSERVATIONS.begin(loader, WEEK)

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
