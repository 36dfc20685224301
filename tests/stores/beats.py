"""Heartbeats of a few PCs in a few hours, written behind the service's back."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any, TypeAlias

import asyncpg

from openhours.db.weekly import week_of
from openhours.stores.packs import BLOCK
from openhours.stores.tables import HEARTBEATS
from openhours.times import HOUR, SECOND, from_us, to_us

Connection: TypeAlias = "asyncpg.Connection[Any]"
# PC, first second, how many, seconds between two.
Run = tuple[int, int, int, int]

# Two hours before a Monday: the hours of the tests are in two weeks.
START = to_us(datetime(2023, 1, 15, 22, tzinfo=UTC))
PCS, HOURS = 4, 4
# Database ids of the PCs are in two blocks.
FIRST_ID = BLOCK - PCS // 2


def beats_of(run: Run) -> list[tuple[int, datetime]]:
    pc, first, count, gap = run
    return [
        (FIRST_ID + pc, from_us(START + (first + n * gap) * SECOND))
        for n in range(count)
        if first + n * gap < HOURS * 3600
    ]


async def beat(connection: Connection, some: list[Run]) -> None:
    await beat_at(connection, [one for run in some for one in beats_of(run)])


async def beat_at(connection: Connection, beats: list[tuple[int, datetime]]) -> None:
    await connection.execute(
        "INSERT INTO heartbeats (event_time, id, store)"
        " SELECT event_time, nextval('heartbeat_ids'), store"
        " FROM unnest($1::int4[], $2::timestamptz[]) AS b (store, event_time)",
        *map(list, zip(*beats, strict=True)),
    )


async def empty(connection: Connection) -> None:
    for instant in START, START + HOURS * HOUR:
        await HEARTBEATS.ensure(connection, week_of(instant))
    await connection.execute(
        "TRUNCATE heartbeats, heartbeat_hours, heartbeat_marks, heartbeat_packs, reports,"
        " corrections, stores CASCADE;"
        f" ALTER TABLE stores ALTER COLUMN id RESTART WITH {FIRST_ID}"
    )
    await connection.execute(
        "INSERT INTO stores (store_id, feed, first_observed_at)"
        f" SELECT 'pc:' || n, 'beating', '{from_us(START)}' FROM generate_series(1, {PCS}) n"
    )


def with_connections(url: str, work: Callable[[Connection, Connection], Awaitable[None]]) -> None:
    async def run() -> None:
        connections = [await asyncpg.connect(url) for _ in range(2)]
        try:
            async with asyncio.timeout(30):
                await work(*connections)
        finally:
            for connection in connections:
                await connection.close()

    asyncio.run(run())
