"""Polls packed by day and block of stores, which reports read instead of rows.

The rows of `observations` are the truth. A day that `observation_days` calls packed has exactly
its rows in `observation_packs`: whoever changes them says so in the same transaction, so this holds
in every snapshot. The other days that it names are read from their rows. A day that it does not
name has none: those that can be seen are of a file whose transaction, in this snapshot, is not over
(`ingestion.new_weeks`).

    a poll, 6 bytes, the lowest first
    place of the store in its block, 10 bits | µs since midnight, 37 bits | 1 = active
"""

from collections.abc import Collection, Sequence
from contextlib import suppress
from datetime import date
from typing import Any, NamedTuple, TypeAlias

import asyncpg
import numpy as np
from numpy.typing import NDArray
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from openhours.db import bulk, worker_connection
from openhours.times import DAY, from_days, from_us, to_days
from openhours.uptime.axis import Bool, Int64

Connection: TypeAlias = "asyncpg.Connection[Any]"

_PLACE_BITS, _AT_BITS = 10, 37
# So many database ids, one after the other, are a block.
BLOCK = 1 << _PLACE_BITS
_AT_MASK = (1 << _AT_BITS) - 1
_BYTES = (_PLACE_BITS + _AT_BITS + 1) // 8
# So many blocks are fetched at once: 80 MB where stores are polled every minute.
_BLOCKS_AT_ONCE = 4
# How long a day is waited for that somebody else packs or changes.
_DAY_TIMEOUT = "10s"
ALL_DAYS = to_days(date.min), to_days(date.max)

# As `_BLOCKS_OF_DAY` sends a row.
_SENT = np.dtype([("store", ">i4"), ("at", f"V{bulk.INSTANT_BYTES}"), ("active", "?")])
# A day is read once, however many blocks it has: its key begins with the instant.
_BLOCKS_OF_DAY = f"""
SELECT store / {BLOCK} AS block, string_agg(
    int4send(store) || timestamptz_send(observed_at) || boolsend(active), NULL) AS rows
FROM observations WHERE observed_at >= $1 AND observed_at < $2
GROUP BY block ORDER BY block
"""  # noqa: S608  our own number


class Polls(NamedTuple):
    """Polls (n,): database ids of stores, instants in µs since 1970, statuses."""

    store: Int64
    at: Int64
    active: Bool

    def of(self, which: Bool | NDArray[np.integer[Any]]) -> "Polls":
        """Return the polls for which `which` (n,) is true, or those at these positions."""
        return Polls(self.store[which], self.at[which], self.active[which])


class Pack(NamedTuple):
    """Polls of a day and a block of stores, as bytes."""

    day: date
    block: int
    polls: bytes


class DaysWithRows(NamedTuple):
    """Days, sorted and counted from 1970-01-01: those that are packed, and those that are not."""

    packed: list[int]
    others: list[int]


async def has_rows(connection: Connection, table: str, day: int) -> bool:
    """Return whether a week's table has rows of a day (counted from 1970-01-01)."""
    query = f"SELECT EXISTS (SELECT FROM {table} WHERE observed_at >= $1 AND observed_at < $2)"  # noqa: S608
    found: bool = await connection.fetchval(query, from_us(day * DAY), from_us((day + 1) * DAY))
    return found


async def note_first(connection: Connection, day: int, packed: Sequence[Pack]) -> None:
    """Write the packs of a day that had no rows, in the transaction that inserted them."""
    is_first = await connection.fetchval(
        "INSERT INTO observation_days (day, packed) VALUES ($1, true)"
        " ON CONFLICT DO NOTHING RETURNING true",
        from_days(day),
    )
    if is_first:
        await _write(connection, packed)
    else:
        # It had rows once, or somebody else has inserted some at the same time.
        await note_added(connection, day, packed)


async def note_added(connection: Connection, day: int, packed: Sequence[Pack]) -> None:
    """Add packed rows to the packs of their day, in the transaction that inserted them.

    If it is not packed, a worker packs it later.
    """
    query = "SELECT packed FROM observation_days WHERE day = $1 FOR UPDATE"
    if await connection.fetchval(query, from_days(day)):
        await _add(connection, packed)
    else:
        await note_changed(connection, day)


async def note_changed(connection: Connection, day: int) -> None:
    """Note, in their transaction, that rows of a day were changed: a worker packs it later."""
    # Whoever packs the day meanwhile has locked this row; it is locked here, also if it stays.
    await connection.execute(
        "INSERT INTO observation_days AS d (day, packed) VALUES ($1, false)"
        " ON CONFLICT (day) DO UPDATE SET packed = false WHERE d.packed",
        from_days(day),
    )


async def _write(connection: Connection, packed: Sequence[Pack]) -> None:
    await bulk.copy_records_in(connection, "observation_packs", Pack._fields, packed)


async def _add(connection: Connection, packed: Sequence[Pack]) -> None:
    await connection.executemany(
        "INSERT INTO observation_packs AS p (day, block, polls) VALUES ($1, $2, $3)"
        " ON CONFLICT (day, block) DO UPDATE SET polls = p.polls || excluded.polls",
        packed,
    )


def pack(day: int, polls: Polls) -> list[Pack]:
    """Return the packs of a day's polls, which are sorted by store."""
    block = polls.store // BLOCK
    place = polls.store - block * BLOCK
    keys = (((place << _AT_BITS) | (polls.at - day * DAY)) << 1) | polls.active
    packed = keys.astype("<i8").view(np.uint8).reshape(-1, 8)[:, :_BYTES]
    return [Pack(from_days(day), number, part) for number, part in by_block(block, packed)]


def by_block(block: Int64, packed: NDArray[Any]) -> list[tuple[int, bytes]]:
    """Return the bytes of each block's rows; `block` (n,) is sorted, as `packed` (n, …) is."""
    blocks, starts = np.unique(block, return_index=True)
    parts = np.split(packed, starts[1:]) if len(starts) else []
    return [(number, part.tobytes()) for number, part in zip(blocks.tolist(), parts, strict=True)]


async def days_with_rows(connection: Connection, first: int, last: int) -> DaysWithRows:
    """Return the days from `first` to `last` (counted from 1970-01-01) that may have rows."""
    query = "SELECT day, packed FROM observation_days WHERE day BETWEEN $1 AND $2 ORDER BY day"
    rows = await connection.fetch(query, from_days(first), from_days(last))
    return DaysWithRows(
        packed=[to_days(row["day"]) for row in rows if row["packed"]],
        others=[to_days(row["day"]) for row in rows if not row["packed"]],
    )


async def read_packs(
    connection: Connection, days: Collection[int], blocks: Collection[int]
) -> Polls:
    """Return all polls of packed days and of the stores in some blocks, in no order."""
    packs = await connection.fetch(
        "SELECT day, block, polls FROM observation_packs WHERE day = ANY($1) AND block = ANY($2)",
        [from_days(day) for day in days],
        list(blocks),
    )
    data = b"".join(pack["polls"] for pack in packs)
    counts = [len(pack["polls"]) // _BYTES for pack in packs]
    padded = np.zeros((sum(counts), 8), np.uint8)
    padded[:, :_BYTES] = np.frombuffer(data, np.uint8).reshape(-1, _BYTES)
    keys = padded.reshape(-1).view("<i8").astype(np.int64, copy=False)
    midnight = np.array([to_days(pack["day"]) * DAY for pack in packs], np.int64)
    first = np.array([pack["block"] * BLOCK for pack in packs], np.int64)
    return Polls(
        store=(keys >> (_AT_BITS + 1)) + np.repeat(first, counts),
        at=((keys >> 1) & _AT_MASK) + np.repeat(midnight, counts),
        active=(keys & 1).astype(np.bool_),
    )


async def are_packed(connection: Connection, first: int, last: int) -> bool:
    """Return whether all days from `first` to `last` that may have rows are packed."""
    query = (
        "SELECT NOT EXISTS ("
        "SELECT FROM observation_days WHERE NOT packed AND day BETWEEN $1 AND $2)"
    )
    packed: bool = await connection.fetchval(query, from_days(first), from_days(last))
    return packed


def pack_days(url: str | None, days: tuple[int, int] = ALL_DAYS) -> int:
    """Pack the days that are not packed, newest first; return how many. Call it in a child process.

    Each day is a transaction, and what it costs in memory does not grow with the stores. Days that
    somebody else packs or changes for long are left out.

    days: the first and the last one, counted from 1970-01-01
    """
    return worker_connection.run(url, lambda connection: pack_each(connection, days))


async def pack_each(connection: Connection, days: tuple[int, int] = ALL_DAYS) -> int:
    """Pack these days as `pack_days`, each once, also if it is changed again meanwhile."""
    query = (
        "SELECT day FROM observation_days WHERE NOT packed AND day BETWEEN $1 AND $2"
        " ORDER BY day DESC"
    )
    done = 0
    for row in await connection.fetch(query, *map(from_days, days)):
        with suppress(asyncpg.LockNotAvailableError):
            done += await _pack(connection, row["day"])
    return done


async def _pack(connection: Connection, day: date) -> bool:
    """Pack a day; False if somebody else has done it. Raise LockNotAvailableError."""
    async with connection.transaction():
        await connection.execute(worker_connection.NOTICE_KILLED_CLIENT)
        await connection.execute(f"SET LOCAL lock_timeout = '{_DAY_TIMEOUT}'")
        # Whoever changes a row of this day meanwhile waits for this lock before the commit.
        query = "SELECT packed FROM observation_days WHERE day = $1 FOR UPDATE"
        if await connection.fetchval(query, day) is not False:
            return False
        await connection.execute("DELETE FROM observation_packs WHERE day = $1", day)
        # A hash would hold all rows of the day in memory; a sort goes to disk.
        await connection.execute("SET LOCAL enable_hashagg = off; SET LOCAL work_mem = '64MB'")
        number = to_days(day)
        span = from_us(number * DAY), from_us((number + 1) * DAY)
        blocks = connection.cursor(_BLOCKS_OF_DAY, *span, prefetch=_BLOCKS_AT_ONCE)
        async for block in blocks:
            await _write(connection, pack(number, _polls_of(block["rows"])))
        await connection.execute("UPDATE observation_days SET packed = true WHERE day = $1", day)
    return True


def _polls_of(sent: bytes) -> Polls:
    """Return the polls of a block as `_BLOCKS_OF_DAY` sends them, sorted."""
    rows = np.frombuffer(sent, _SENT)
    polls = Polls(
        store=rows["store"].astype(np.int64),
        at=bulk.instants(rows["at"].tobytes()),
        active=rows["active"],
    )
    return polls.of(np.lexsort((polls.at, polls.store)))


async def prune_packs(engine: AsyncEngine, before: int) -> None:
    """Delete the packs of days before a day; they must go before the days' rows do."""
    values = {"before": from_days(before)}
    async with engine.begin() as connection:
        for table in ("observation_days", "observation_packs"):
            await connection.execute(text(f"DELETE FROM {table} WHERE day < :before"), values)  # noqa: S608
