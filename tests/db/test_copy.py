"""A COPY ends when its connection does, whatever asyncpg waits for."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, TypeAlias

import asyncpg
import numpy as np
import pytest

from openhours.db import bulk
from openhours.db.engine import DATABASE_AWAY
from tests.helpers.database import until_one_waits

Connection: TypeAlias = "asyncpg.Connection[Any]"
Copy: TypeAlias = Callable[[Connection], Coroutine[Any, Any, None]]
# More than the buffers of a socket hold.
ROWS = 500_000


async def copy_columns(connection: Connection) -> None:
    await bulk.copy_in(connection, "numbers", {"n": "int8"}, {"n": np.arange(ROWS)})


async def copy_records(connection: Connection) -> None:
    await bulk.copy_records_in(connection, "numbers", ["n"], ((n,) for n in range(ROWS)))


async def copy_lists(connection: Connection) -> None:
    await bulk.copy_lists_in(
        connection,
        "numbers",
        {"n": "int8"},
        {"n": np.arange(ROWS)},
        {"list": "int8"},
        {"list": np.arange(ROWS)},
        np.ones(ROWS, np.int64),
    )


async def with_two(
    url: str, work: Callable[[Connection, Connection], Coroutine[Any, Any, None]]
) -> None:
    one, other = await asyncpg.connect(url), await asyncpg.connect(url)
    await other.execute("CREATE TABLE numbers (n int8, list int8[])")
    async with asyncio.timeout(30):
        await work(one, other)
    await other.execute("DROP TABLE numbers")
    await other.close()
    await one.close()


@pytest.mark.parametrize("copy", [copy_columns, copy_records, copy_lists])
def test_a_copy_whose_connection_is_lost_fails(database_url: str, copy: Copy) -> None:
    async def work(one: Connection, other: Connection) -> None:
        async with other.transaction():
            await other.execute("LOCK TABLE numbers")
            copying = asyncio.create_task(copy(one))
            # The server does not read what is copied: the client may write no more.
            await until_one_waits(database_url)
            await asyncio.sleep(0.3)
            await other.execute("SELECT pg_terminate_backend($1)", one.get_server_pid())
            with pytest.raises(DATABASE_AWAY):
                await copying

    asyncio.run(with_two(database_url, work))


def test_a_copy_that_is_cancelled_leaves_its_connection_usable(database_url: str) -> None:
    async def work(one: Connection, other: Connection) -> None:
        async with other.transaction():
            await other.execute("LOCK TABLE numbers")
            copying = asyncio.create_task(copy_columns(one))
            await until_one_waits(database_url)
            copying.cancel()
            with pytest.raises(asyncio.CancelledError):
                await copying
        await copy_columns(one)
        assert await one.fetchval("SELECT count(*) FROM numbers") == ROWS

    asyncio.run(with_two(database_url, work))


def test_an_error_of_the_server_is_told_as_it_is(database_url: str) -> None:
    async def work(one: Connection, _: Connection) -> None:
        with pytest.raises(asyncpg.UndefinedTableError):
            await bulk.copy_records_in(one, "nothing", ["n"], [(1,)])
        assert await one.fetchval("SELECT 1") == 1

    asyncio.run(with_two(database_url, work))
