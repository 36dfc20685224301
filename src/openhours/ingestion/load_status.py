"""Polls of a file on their way into `observations`.

While a file is read, its rows go to one small file a day, eight bytes a row; then each day is
sorted by (store, instant) and copied. So memory holds one day at most, and a slice of stores lies
together on disk.
"""

import shutil
import tempfile
from collections.abc import Sequence
from itertools import groupby
from pathlib import Path
from typing import Any

import asyncpg
import numpy as np
from numpy.typing import NDArray

from openhours.db import bulk
from openhours.ingestion.csv.reader import FileRefused, Source, read_status
from openhours.ingestion.rejects import Counts, Progress, RejectWriter
from openhours.stores import partitions
from openhours.stores.store_ids import numbers_of
from openhours.stores.tables import POLLED
from openhours.times import from_us, now, to_us

DAY = 86_400_000_000
# A day has less than 2^37 µs; below them, one bit says active.
_AT_BITS = 37
_AT_MASK = (1 << _AT_BITS) - 1
_TYPES = {"store": "int4", "observed_at": "timestamptz", "active": "bool"}
_NEVER = np.iinfo(np.int64).max

# 63 bits hold a store, the instant and the status.
_MOST_STORES = 1 << (63 - _AT_BITS - 1)

Columns = dict[str, NDArray[Any]]


async def load_status(
    connection: "asyncpg.Connection[Any]",
    source: Source,
    rejects: RejectWriter,
    tell: Progress,
    folder: Path,
) -> Counts:
    """Merge the polls of a file by (store, instant); `folder` takes the rows meanwhile."""
    counts = Counts()
    present = to_us(now())
    # Files are loaded one at a time, so what lies there is of one that was killed.
    for left in folder.glob("days-*"):
        shutil.rmtree(left)
    with tempfile.TemporaryDirectory(dir=folder, prefix="days-") as days:
        rows = StatusRows(Path(days))
        for block in read_status(source, present):
            counts.rows += block.rows
            await rejects.write(block.rejects)
            rows.add(block.store_ids, block.store, block.at, block.active)
            await tell(0.5 * source.bytes_read / source.size)

        async def tell_second_half(progress: float) -> None:
            await tell(0.5 + 0.5 * progress)

        counts.loaded = await rows.load(connection, tell_second_half)
    counts.rejected = rejects.written
    return counts


class StatusRows:
    """The good rows of one status file; `folder` is an empty directory for its days."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._codes: dict[str, int] = {}
        self._days: set[int] = set()

    def add(
        self,
        store_ids: Sequence[str],
        store: NDArray[np.integer[Any]],
        at: NDArray[np.int64],
        active: NDArray[np.bool_],
    ) -> None:
        """Take rows in the file's order: positions in `store_ids`, µs since 1970, status."""
        if len(at) == 0:
            return
        own = [self._codes.setdefault(store_id, len(self._codes)) for store_id in store_ids]
        if len(self._codes) > _MOST_STORES:
            raise FileRefused(f"more than {_MOST_STORES:,} stores in one file: split it")
        code = np.array(own, np.int64)[store]
        day = at // DAY
        packed = (((code << _AT_BITS) | (at - day * DAY)) << 1) | active
        order = np.argsort(day, kind="stable")
        days, starts = np.unique(day[order], return_index=True)
        for number, rows in zip(days.tolist(), np.split(packed[order], starts[1:]), strict=True):
            with self._file(number).open("ab") as file:
                rows.tofile(file)
            self._days.add(number)

    async def load(
        self,
        connection: "asyncpg.Connection[Any]",
        tell: Progress,
    ) -> int:
        """Merge the rows into the table, inside the caller's transaction; how many were new."""
        if not self._days:
            return 0
        numbers = await numbers_of(connection, list(self._codes))
        number = np.array([numbers[store_id] for store_id in self._codes], np.int64)
        first = np.full(len(number), _NEVER, np.int64)
        newest = 0
        loaded = done = 0
        for week, days in groupby(sorted(self._days), lambda day: partitions.week_of(day * DAY)):
            fresh = await partitions.begin(connection, week)
            for day in days:
                rows = self._read_day(day)
                code = rows.pop("code")
                stores, index = np.unique(code, return_index=True)
                first[stores] = np.minimum(first[stores], rows["observed_at"][index])
                newest = max(newest, int(rows["observed_at"].max()))
                rows["store"] = number[code]
                order = _store_order(rows["store"])
                rows = {name: values[order] for name, values in rows.items()}
                write = _append if fresh else _merge
                loaded += await write(connection, partitions.name_of(week), rows)
                done += 1
                await tell(done / len(self._days))
            if fresh:
                await partitions.attach(connection, week)
        await _note_stores(connection, number, first)
        await _note_newest(connection, newest)
        return loaded

    def _file(self, day: int) -> Path:
        return self._folder / str(day)

    def _read_day(self, day: int) -> Columns:
        """A day's rows sorted by (code, instant), one for each: the later line won."""
        packed = np.fromfile(self._file(day), np.int64)
        self._file(day).unlink()
        rows = np.sort(packed)
        # The last of equal rows is kept; where a store has both statuses, that is `active`.
        rows = rows[np.append(rows[1:] != rows[:-1], True)]
        keys = rows >> 1
        twice = keys[1:][keys[1:] == keys[:-1]]
        if len(twice):
            rows = rows[np.append(keys[1:] != keys[:-1], True)]
            in_file_order = packed[np.isin(packed >> 1, twice)]
            last = dict(zip((in_file_order >> 1).tolist(), in_file_order.tolist(), strict=True))
            rows[np.searchsorted(rows >> 1, twice)] = [last[key] for key in twice.tolist()]
        return {
            "code": rows >> (_AT_BITS + 1),
            "observed_at": ((rows >> 1) & _AT_MASK) + day * DAY,
            "active": (rows & 1).astype(np.bool_),
        }


def _store_order(store: NDArray[np.int64]) -> NDArray[np.intp] | slice:
    """Rows sorted by our codes, brought into the order of the table's numbers."""
    if (store[1:] >= store[:-1]).all():
        return slice(None)
    return np.argsort(store, kind="stable")


async def _append(connection: "asyncpg.Connection[Any]", table: str, rows: Columns) -> int:
    await bulk.copy_in(connection, table, _TYPES, rows)
    return len(rows["store"])


async def _merge(connection: "asyncpg.Connection[Any]", table: str, rows: Columns) -> int:
    """Bring in what the week does not have yet, or has with another status; how many those were.

    Rows that it has as they are cost a look-up and write nothing.
    """
    await connection.execute(
        "CREATE TEMP TABLE IF NOT EXISTS staged"
        " (store int4, observed_at timestamptz, active bool) ON COMMIT DROP"
    )
    await connection.execute("TRUNCATE staged")
    await bulk.copy_in(connection, "staged", _TYPES, rows)
    done = await connection.execute(
        f"INSERT INTO {table} SELECT * FROM staged ON CONFLICT DO NOTHING"  # noqa: S608
    )
    new = int(done.split()[-1])
    if new == len(rows["store"]):
        return new
    await connection.execute("ANALYZE staged")
    done = await connection.execute(
        f"""
        UPDATE {table} o SET active = s.active FROM staged s
        WHERE o.store = s.store AND o.observed_at = s.observed_at AND o.active <> s.active
        """  # noqa: S608  our own table's name
    )
    return new + int(done.split()[-1])


async def _note_stores(
    connection: "asyncpg.Connection[Any]", number: NDArray[np.int64], first: NDArray[np.int64]
) -> None:
    """Note when each store was first observed, where that is news."""
    seen = first != _NEVER
    # In most files it is not: asking first is cheaper than bringing all of them.
    later = await connection.fetch(
        "SELECT id FROM stores WHERE first_observed_at IS NULL OR first_observed_at > $1",
        from_us(int(first[seen].min())),
    )
    seen &= np.isin(number, [row["id"] for row in later])
    if not seen.any():
        return
    await connection.execute(
        "CREATE TEMP TABLE first_observed (store int4, at timestamptz) ON COMMIT DROP"
    )
    await bulk.copy_in(
        connection,
        "first_observed",
        {"store": "int4", "at": "timestamptz"},
        {"store": number[seen], "at": first[seen]},
    )
    await connection.execute(
        """
        UPDATE stores s SET feed = $1, first_observed_at = f.at FROM first_observed f
        WHERE s.id = f.store AND (s.first_observed_at IS NULL OR s.first_observed_at > f.at)
        """,
        POLLED,
    )


async def _note_newest(connection: "asyncpg.Connection[Any]", newest: int) -> None:
    await connection.execute(
        """
        INSERT INTO feed_clocks (feed, newest_at)
        VALUES ($1, timestamptz 'epoch' + $2::int8 * interval '1 microsecond')
        ON CONFLICT (feed) DO UPDATE
        SET newest_at = greatest(feed_clocks.newest_at, excluded.newest_at)
        """,
        POLLED,
        newest,
    )
