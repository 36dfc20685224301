"""Polls packed by day and block of stores, which reports read instead of rows.

The rows of `observations` are the truth. A day that `observation_days` calls packed has exactly
its rows in `observation_packs`: whoever changes them says so in the same transaction, so this holds
in every snapshot. All other days are read from their rows.

    a poll, 6 bytes, the lowest first
    place of the store in its block, 10 bits | µs since midnight, 37 bits | 1 = active
"""

from collections.abc import Collection
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
# So many blocks are packed at once: some 50 MB where stores are polled every hour.
_BLOCKS_AT_ONCE = 32

_ROWS = {"store": "int4", "observed_at": "timestamptz", "active": "bool"}


class Polls(NamedTuple):
    """Polls (n,): database ids of stores, instants in µs since 1970, statuses."""

    store: Int64
    at: Int64
    active: Bool

    def of(self, which: Bool | NDArray[np.integer[Any]]) -> "Polls":
        """Return the polls for which `which` (n,) is true, or those at these positions."""
        return Polls(self.store[which], self.at[which], self.active[which])


async def has_rows(connection: Connection, table: str, day: int) -> bool:
    """Return whether a week's table has rows of a day (counted from 1970-01-01)."""
    query = f"SELECT EXISTS (SELECT FROM {table} WHERE observed_at >= $1 AND observed_at < $2)"  # noqa: S608
    found: bool = await connection.fetchval(query, from_us(day * DAY), from_us((day + 1) * DAY))
    return found


async def note_all(connection: Connection, day: int, polls: Polls) -> None:
    """Pack a day, in the transaction that wrote its rows. `polls` are all of them, by store."""
    await _mark(connection, day, packed=True)
    await _delete(connection, day)
    await _write(connection, day, polls)


async def note_added(connection: Connection, day: int, polls: Polls) -> None:
    """Add rows to the packs of their day, in the transaction that inserted them.

    If it is not packed, a worker packs it later. `polls` are sorted by store.
    """
    query = "SELECT packed FROM observation_days WHERE day = $1 FOR UPDATE"
    if await connection.fetchval(query, from_days(day)):
        await _add(connection, day, polls)
    else:
        await note_changed(connection, day)


async def note_changed(connection: Connection, day: int) -> None:
    """Note, in their transaction, that rows of a day were changed: a worker packs it later."""
    await _mark(connection, day, packed=False)


async def _mark(connection: Connection, day: int, *, packed: bool) -> None:
    # Whoever packs the day meanwhile has locked this row.
    await connection.execute(
        "INSERT INTO observation_days (day, packed) VALUES ($1, $2)"
        " ON CONFLICT (day) DO UPDATE SET packed = excluded.packed",
        from_days(day),
        packed,
    )


async def _delete(connection: Connection, day: int) -> None:
    await connection.execute("DELETE FROM observation_packs WHERE day = $1", from_days(day))


async def _write(connection: Connection, day: int, polls: Polls) -> None:
    await connection.copy_records_to_table(
        "observation_packs", columns=["day", "block", "polls"], records=_packed(day, polls)
    )


async def _add(connection: Connection, day: int, polls: Polls) -> None:
    await connection.executemany(
        "INSERT INTO observation_packs AS p (day, block, polls) VALUES ($1, $2, $3)"
        " ON CONFLICT (day, block) DO UPDATE SET polls = p.polls || excluded.polls",
        _packed(day, polls),
    )


def _packed(day: int, polls: Polls) -> list[tuple[date, int, bytes]]:
    """Return the day, block and bytes of each block; the polls are sorted by store."""
    block = polls.store // BLOCK
    place = polls.store - block * BLOCK
    keys = (((place << _AT_BITS) | (polls.at - day * DAY)) << 1) | polls.active
    packed = keys.astype("<i8").view(np.uint8).reshape(-1, 8)[:, :_BYTES]
    return [(from_days(day), number, part) for number, part in by_block(block, packed)]


def by_block(block: Int64, packed: NDArray[Any]) -> list[tuple[int, bytes]]:
    """Return the bytes of each block's rows; `block` (n,) is sorted, as `packed` (n, …) is."""
    blocks, starts = np.unique(block, return_index=True)
    parts = np.split(packed, starts[1:]) if len(starts) else []
    return [(number, part.tobytes()) for number, part in zip(blocks.tolist(), parts, strict=True)]


async def packed_days(connection: Connection, first: int, last: int) -> list[int]:
    """Return the days from `first` to `last` (counted from 1970-01-01) that are packed, sorted."""
    query = "SELECT day FROM observation_days WHERE packed AND day BETWEEN $1 AND $2 ORDER BY day"
    rows = await connection.fetch(query, from_days(first), from_days(last))
    return [to_days(row["day"]) for row in rows]


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


def pack_days(url: str) -> int:
    """Pack all days that are not packed, newest first; return how many. Call it in a child process.

    Each day is a transaction, and what it costs in memory does not grow with the stores.
    """
    done = 0
    while worker_connection.run(url, pack_newest_day):
        done += 1
    return done


async def pack_newest_day(connection: Connection) -> bool:
    """Pack the newest day that is not packed; False if there is none."""
    async with connection.transaction():
        # Whoever changes a row of this day meanwhile waits for this lock before the commit.
        found = await connection.fetchval(
            "SELECT day FROM observation_days WHERE NOT packed ORDER BY day DESC LIMIT 1"
            " FOR UPDATE SKIP LOCKED"
        )
        if found is None:
            return False
        day = to_days(found)
        await _delete(connection, day)
        newest = await connection.fetchval("SELECT max(id) FROM stores") or 0
        for first in range(0, newest + 1, _BLOCKS_AT_ONCE * BLOCK):
            polls = await read_rows(connection, day, first, first + _BLOCKS_AT_ONCE * BLOCK)
            await _write(connection, day, polls)
        await connection.execute("UPDATE observation_days SET packed = true WHERE day = $1", found)
    return True


async def read_rows(connection: Connection, day: int, first: int, beyond: int) -> Polls:
    """Return the polls of a day of the stores with `first <= id < beyond`, from rows, sorted."""
    rows = await bulk.copy_out(
        connection,
        "SELECT store, observed_at, active FROM observations"
        " WHERE observed_at >= $1 AND observed_at < $2 AND store >= $3 AND store < $4",
        _ROWS,
        from_us(day * DAY),
        from_us((day + 1) * DAY),
        first,
        beyond,
    )
    polls = Polls(rows["store"].astype(np.int64), rows["observed_at"], rows["active"])
    return polls.of(np.lexsort((polls.at, polls.store)))


async def prune_packs(engine: AsyncEngine, before: int) -> None:
    """Delete the packs of days before a day; they must go before the days' rows do."""
    values = {"before": from_days(before)}
    async with engine.begin() as connection:
        for table in ("observation_days", "observation_packs"):
            await connection.execute(text(f"DELETE FROM {table} WHERE day < :before"), values)  # noqa: S608
