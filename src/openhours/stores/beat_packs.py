"""Heartbeats packed by hour and block of PCs, which reports read instead of rows.

Beats that follow each other closely are one run: what a report makes of them is the same. The rows
of `heartbeats` are the truth. An hour in `heartbeat_hours` that has no row in `heartbeat_marks` has
exactly its rows in `heartbeat_packs`, in every snapshot; all other hours are read from their rows.

    a run, 14 bytes
    place of the PC in its block | began, µs of the hour | last beat | fingerprint of its beats

Whoever changes beats of an hour that is over, or packed, leaves a mark in the same transaction, by
a trigger. Packing takes away the marks that its snapshot sees, so one that comes meanwhile stays.
"""

import logging
import time
from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any, NamedTuple, TypeAlias

import asyncpg
import numpy as np
from sqlalchemy import func, select, text
from sqlalchemy.ext.asyncio import AsyncEngine

from openhours.db import bulk, worker_connection
from openhours.stores.packs import BLOCK, by_block
from openhours.times import HOUR, SECOND, from_us, to_us
from openhours.uptime.axis import Int64
from openhours.uptime.fingerprints import Words, of_observations

log = logging.getLogger(__name__)

Connection: TypeAlias = "asyncpg.Connection[Any]"

# Beats no further apart than this are one run, which says the same as they do if a beat lasts at
# least as long. PCs beat once a minute.
TOGETHER = 90 * SECOND
# In the trigger's function, too.
_LOCK = 0x62656174  # "beat"
_PACKING = _LOCK + 1  # held by the one who packs
_LOCK_TIMEOUT = "1s"
_LONGEST = 5.0  # seconds of one call, so that a worker can stop
# So many blocks are packed at once: some 100 MB if PCs beat every minute.
_BLOCKS_AT_ONCE = 32
_RUN = np.dtype([("place", "<u2"), ("began", "<u4"), ("last", "<u4"), ("print", "<u4")])
_ROWS = {"store": "int4", "event_time": "timestamptz"}

_PACKED_UNTIL = """
coalesce((SELECT max(hour) + interval '1 hour' FROM heartbeat_hours), '-infinity')
"""
# An hour counts as over a minute later: database clocks may be set back a little.
_OVER = "date_trunc('hour', clock_timestamp() - interval '1 minute', 'UTC')"
_SOMETHING_TO_DO = f"""
SELECT EXISTS (SELECT FROM heartbeat_marks)
    OR EXISTS (SELECT FROM heartbeats WHERE event_time < {_OVER} AND event_time >= {_PACKED_UNTIL})
"""  # noqa: S608  our own texts, as those below
# One statement, so that the server releases the lock whatever becomes of this process.
_WAIT_ALONE = f"""
WITH alone AS MATERIALIZED (SELECT pg_advisory_xact_lock($1)) SELECT {_OVER} FROM alone
"""  # noqa: S608
_NEW_HOURS = f"""
WITH RECURSIVE hours AS (
    SELECT date_trunc('hour', min(event_time), 'UTC') AS hour FROM heartbeats
    WHERE event_time < $1 AND event_time >= {_PACKED_UNTIL}
    UNION ALL
    SELECT (SELECT date_trunc('hour', min(event_time), 'UTC') FROM heartbeats
            WHERE event_time < $1 AND event_time >= hours.hour + interval '1 hour')
    FROM hours WHERE hours.hour IS NOT NULL
)
SELECT hour FROM hours WHERE hour IS NOT NULL ORDER BY hour
"""  # noqa: S608
_MARKED_HOURS = """
SELECT DISTINCT hour FROM heartbeat_marks WHERE hour < $1 ORDER BY hour DESC
"""


class Runs(NamedTuple):
    """Runs of heartbeats (n,): database ids of PCs, the first and last beats in µs since 1970.

    `words` are the sums of the words of their beats, as in `uptime.fingerprints`.
    """

    store: Int64
    began: Int64
    last: Int64
    words: Words


async def packed_hours(connection: Connection, since: int, beyond: int) -> list[int]:
    """Return the packed hours within [since, beyond), ascending; all in µs since 1970."""
    rows = await connection.fetch(
        "SELECT hour FROM heartbeat_hours WHERE hour >= $1 AND hour <= $2"
        " EXCEPT SELECT hour FROM heartbeat_marks ORDER BY hour",
        from_us(since),
        from_us(beyond - HOUR),
    )
    return [to_us(row["hour"]) for row in rows]


async def count_runs(connection: Connection, hours: Sequence[int]) -> int:
    """Return how many runs packed hours (µs) have."""
    size = await connection.fetchval(
        "SELECT sum(octet_length(runs)) FROM heartbeat_packs WHERE hour = ANY($1)",
        [from_us(hour) for hour in hours],
    )
    return int(size or 0) // _RUN.itemsize


async def read_runs(connection: Connection, hours: Sequence[int], blocks: Collection[int]) -> Runs:
    """Return the runs of packed hours (µs) and of the PCs in some blocks, in no order."""
    packs = await connection.fetch(
        "SELECT hour, block, runs FROM heartbeat_packs WHERE hour = ANY($1) AND block = ANY($2)",
        [from_us(hour) for hour in hours],
        list(blocks),
    )
    runs = np.frombuffer(b"".join(pack["runs"] for pack in packs), _RUN)
    counts = [len(pack["runs"]) // _RUN.itemsize for pack in packs]
    first = np.repeat(np.array([pack["block"] * BLOCK for pack in packs], np.int64), counts)
    hour = np.repeat(np.array([to_us(pack["hour"]) for pack in packs], np.int64), counts)
    return Runs(
        first + runs["place"],
        hour + runs["began"],
        hour + runs["last"],
        runs["print"].astype(np.uint64),
    )


def runs_of(store: Int64, at: Int64) -> Runs:
    """Return the runs of heartbeats that are sorted by (store, at), none of them twice."""
    begins = np.diff(store, prepend=-1) != 0
    begins[1:] |= np.diff(at) > TOGETHER
    first = np.flatnonzero(begins)
    last = np.append(first, len(at))[1:] - 1
    words = of_observations(at, np.ones(len(at), np.bool_))
    sums = np.add.reduceat(words, first) if len(first) else words
    return Runs(store[first], at[first], at[last], sums)


def pack_hours(url: str) -> int:
    """Pack hours that are over; return how many. Call it in a child process.

    Each hour is a transaction, and what it costs in memory does not grow with the PCs. What is not
    done after some seconds is left for the next call.
    """
    return worker_connection.run(url, pack_ended_hours)


async def pack_ended_hours(connection: Connection) -> int:
    """Pack hours that are over and not packed, for some seconds; return how many.

    None if another process does it, or a transaction that writes beats takes long: a worker asks
    every minute.
    """
    if not await connection.fetchval(_SOMETHING_TO_DO):
        return 0
    if not await connection.fetchval("SELECT pg_try_advisory_lock($1)", _PACKING):
        return 0
    try:
        return await _pack_all(connection)
    finally:
        await connection.execute("SELECT pg_advisory_unlock($1)", _PACKING)


async def _pack_all(connection: Connection) -> int:
    over = await _over(connection)
    if over is None:
        return 0
    give_up = time.monotonic() + _LONGEST
    done = 0
    # The new ones from the oldest on: those before the newest are packed, or marked.
    for query in (_NEW_HOURS, _MARKED_HOURS):
        for row in await connection.fetch(query, over):
            if time.monotonic() > give_up:
                return done
            await _pack(connection, to_us(row["hour"]))
            done += 1
    return done


async def _over(connection: Connection) -> datetime | None:
    """Return the instant before which all beats are committed, or leave a mark from now on.

    Whoever writes beats holds the lock until the commit, and looks at the clock once it has it.
    None if one of them does not end within a second.
    """
    await connection.execute(f"SET lock_timeout = '{_LOCK_TIMEOUT}'")
    try:
        over: datetime = await connection.fetchval(_WAIT_ALONE, _LOCK)
    except asyncpg.LockNotAvailableError:
        log.info("heartbeats are not packed: a transaction that writes some takes long")
        return None
    finally:
        await connection.execute("RESET lock_timeout")
    return over


async def _pack(connection: Connection, hour: int) -> None:
    """Pack an hour (µs) as one snapshot has it."""
    at = from_us(hour)
    async with connection.transaction(isolation="repeatable_read"):
        await connection.execute(worker_connection.NOTICE_KILLED_CLIENT)
        await connection.execute("DELETE FROM heartbeat_marks WHERE hour = $1", at)
        await connection.execute("DELETE FROM heartbeat_packs WHERE hour = $1", at)
        await connection.execute(
            "INSERT INTO heartbeat_hours (hour) VALUES ($1) ON CONFLICT DO NOTHING", at
        )
        newest = await connection.fetchval("SELECT max(id) FROM stores") or 0
        for first in range(0, newest + 1, _BLOCKS_AT_ONCE * BLOCK):
            store, beats = await _read_rows(
                connection, hour, first, first + _BLOCKS_AT_ONCE * BLOCK
            )
            await _write(connection, hour, runs_of(store, beats))


async def _read_rows(
    connection: Connection, hour: int, first: int, beyond: int
) -> tuple[Int64, Int64]:
    """Return PC and instant of the beats of an hour of the PCs with `first <= id < beyond`."""
    rows = await bulk.copy_out(
        connection,
        "SELECT store, event_time FROM heartbeats"
        " WHERE event_time >= $1 AND event_time < $2 AND store >= $3 AND store < $4",
        _ROWS,
        from_us(hour),
        from_us(hour + HOUR),
        first,
        beyond,
    )
    # A PC may have sent several of one instant.
    keys = np.unique(rows["store"].astype(np.int64) * HOUR + (rows["event_time"] - hour))
    return keys // HOUR, keys % HOUR + hour


async def _write(connection: Connection, hour: int, runs: Runs) -> None:
    packed = np.empty(len(runs.store), _RUN)
    block = runs.store // BLOCK
    packed["place"] = runs.store - block * BLOCK
    packed["began"], packed["last"] = runs.began - hour, runs.last - hour
    packed["print"] = runs.words & np.uint64(0xFFFFFFFF)
    records = [(from_us(hour), number, part) for number, part in by_block(block, packed)]
    await bulk.copy_records_in(connection, "heartbeat_packs", ["hour", "block", "runs"], records)


async def prune_beat_packs(engine: AsyncEngine, before: int) -> None:
    """Delete the packs of hours before an instant (µs).

    They must go before their rows do; and again afterwards, since they may be packed meanwhile.
    """
    values = {"before": from_us(before)}
    async with engine.begin() as connection:
        await connection.execute(select(func.pg_advisory_xact_lock(_PACKING)))
        for table in ("heartbeat_hours", "heartbeat_packs", "heartbeat_marks"):
            await connection.execute(text(f"DELETE FROM {table} WHERE hour < :before"), values)  # noqa: S608
