"""Polls of a few stores on a few days, loaded as from a file or written by hand."""

import asyncio
import tempfile
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeAlias

import asyncpg
import numpy as np
import pyarrow as pa

from openhours.ingestion.day_files import DayFiles
from openhours.ingestion.load_status import write_days
from openhours.times import HOUR, from_us, to_us
from tests.helpers.database import fetch

Connection: TypeAlias = "asyncpg.Connection[Any]"
# Store, hours after START, status.
Poll = tuple[int, int, bool]

# A Wednesday: the days of the tests are in two weeks.
START = to_us(datetime(2023, 1, 18, tzinfo=UTC))
STORES = 6


async def insert(connection: Connection, store: int, at: int, active: bool) -> None:
    """Write a poll to the whole table, as a person does; its week's table must be there."""
    await connection.execute(
        "INSERT INTO observations VALUES ($1, $2, $3)"
        " ON CONFLICT (observed_at, store) DO UPDATE SET active = excluded.active",
        store,
        from_us(START + at * HOUR),
        active,
    )


async def load(connection: Connection, url: str, rows: list[Poll]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        days = DayFiles(Path(folder))
        store, at, active = (np.array(column) for column in zip(*rows, strict=True))
        names = [f"s{n}" for n in range(STORES)]
        days.add(pa.array(names), store, START + at * HOUR, active.astype(np.bool_))
        await write_days(connection, url, days, nothing)


async def load_and_roll_back(connection: Connection, url: str, rows: list[Poll]) -> None:
    transaction = connection.transaction()
    await transaction.start()
    await load(connection, url, rows)
    await transaction.rollback()


async def nothing(_: float) -> None:
    return


def with_connection(url: str, work: Callable[[Connection], Awaitable[None]]) -> None:
    async def run() -> None:
        connection = await asyncpg.connect(url)
        try:
            await work(connection)
        finally:
            await connection.close()

    asyncio.run(run())


def state(url: str) -> list[tuple[object, ...]]:
    query = "SELECT day::text, packed FROM observation_days ORDER BY day"
    return fetch(url, query)


async def load_alone(connection: Connection, url: str, rows: list[Poll]) -> None:
    async with connection.transaction():
        await load(connection, url, rows)
