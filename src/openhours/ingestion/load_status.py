"""Polls of a file into `observations`: read and sorted by day, then written day by day."""

import asyncio
import shutil
import tempfile
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import aclosing
from itertools import groupby
from pathlib import Path
from typing import Any, NamedTuple

import asyncpg
import numpy as np
from numpy.typing import NDArray

from openhours.api.csv_cells import FORMULA_STARTS
from openhours.db.weekly import start_of, week_of
from openhours.ingestion.ahead import ahead
from openhours.ingestion.csv.reasons import Reason
from openhours.ingestion.csv.source import Position, Source
from openhours.ingestion.csv.status import read_status
from openhours.ingestion.day_files import DayFiles, DayRows
from openhours.ingestion.new_weeks import NewWeeks, new_weeks
from openhours.ingestion.rejects import Counts, Progress, RejectWriter
from openhours.ingestion.resume import Prefix
from openhours.ingestion.staging import formula_warning
from openhours.stores import packs
from openhours.stores.tables import OBSERVATIONS
from openhours.stores.write import (
    append_observations,
    ensure_stores,
    merge_observations,
    newest_observation,
    note_first_observed,
    note_newest_poll,
)
from openhours.times import DAY, now, to_us

_NEVER = np.iinfo(np.int64).max


class _Day(NamedTuple):
    """A day's polls twice: in the order of the key, so that its index is built fast, and packed."""

    polls: packs.Polls
    packed: list[packs.Pack]


async def load_status(
    connection: "asyncpg.Connection[Any]",
    source: Source,
    rejects: RejectWriter,
    progress: Progress,
    url: str,
    data_dir: Path,
    prefix: Prefix | None,
) -> Counts:
    """Merge the polls of a file by (store, instant).

    url: of the same database
    data_dir: takes the rows meanwhile
    prefix: what an earlier ingestion loaded; the source continues after it
    """
    counts = Counts(reasons=rejects.reasons)
    if prefix is not None:
        await rejects.copy_from(prefix.ingestion_pk)
        counts.rows = prefix.rows
    # Files are loaded one at a time: what lies there was left by a process that was killed.
    for left in data_dir.glob("days-*"):
        shutil.rmtree(left)
    with tempfile.TemporaryDirectory(dir=data_dir, prefix="days-") as folder:
        days = DayFiles(Path(folder))
        settled = source.start
        async with aclosing(ahead(read_status(source, to_us(now())))) as blocks:
            async for block in blocks:
                counts.rows += block.rows
                settled = block.settled
                await rejects.write(block.rejects)
                days.add(block.store_ids, block.store, block.at, block.active)
                await progress(0.5 * source.bytes_read / source.size)
        counts.loaded, counts.polled = await write_days(connection, url, days, progress)
    risky = [store_id for store_id in days.store_ids if store_id.startswith(FORMULA_STARTS)]
    counts.warning = formula_warning(len(risky), min(risky, default=None))
    counts.next_line = _next_line(source, settled, rejects)
    return counts


def _next_line(source: Source, settled: Position, rejects: RejectWriter) -> int | None:
    """Return the line with which a grown file may be continued, if its last line is over.

    None if a row was too far in the future: it may be good by then.
    """
    if not source.may_grow or settled.offset != source.size:
        return None
    return None if Reason.FUTURE_TIMESTAMP in rejects.reasons else settled.line


async def write_days(
    connection: "asyncpg.Connection[Any]", url: str, days: DayFiles, progress: Progress
) -> tuple[int, list[int]]:
    """Merge the rows into their weeks, in the open transaction.

    url: of the same database, for the weeks that are new

    Return how many are new or changed, and the database ids of all their stores.
    """
    if not days.days:
        return 0, []
    stores = _Stores(await ensure_stores(connection, days.store_ids), days.store_ids)
    loaded = done = 0
    made = (stores.translate(number, days.take(number)) for number in days.days)
    async with new_weeks(url) as new, aclosing(ahead(made)) as each:
        for week, numbers in groupby(days.days, lambda day: week_of(day * DAY)):
            is_new = await _prepare(connection, week)
            args = week, list(numbers), each
            write = _fill(connection, new, *args) if is_new else _merge(connection, *args)
            async with aclosing(write) as written:
                async for changed in written:
                    loaded += changed
                    done += 1
                    await progress(0.5 + 0.5 * done / len(days.days))
        polled, first_observed = stores.first_observed()
        await note_first_observed(connection, polled, first_observed)
        await note_newest_poll(connection, stores.newest)
        await new.attach(connection)
    return loaded, polled.tolist()


async def _prepare(connection: "asyncpg.Connection[Any]", week: int) -> bool:
    """Return whether the week is new; if only its table is missing, make that and return False."""
    if not await OBSERVATIONS.is_missing(connection, week):
        return False
    first = to_us(start_of(week)) // DAY
    if not any(await packs.days_with_rows(connection, first, first + 6)):
        return True
    # Reports that run already may read rows of its days.
    await OBSERVATIONS.make(connection, week)
    return False


async def _fill(
    connection: "asyncpg.Connection[Any]",
    new: NewWeeks,
    week: int,
    numbers: Sequence[int],
    each: AsyncIterator[_Day],
) -> AsyncGenerator[int, None]:
    """Write days of a new week; yield how many rows each has."""
    table = await new.begin(week)
    for number in numbers:
        day = await anext(each)
        copying = asyncio.create_task(table.add(day.polls))
        try:
            await packs.note_first(connection, number, day.packed)
        finally:
            await copying
        yield len(day.polls.store)
    new.end(table)


async def _merge(
    connection: "asyncpg.Connection[Any]",
    week: int,
    numbers: Sequence[int],
    each: AsyncIterator[_Day],
) -> AsyncGenerator[int, None]:
    """Merge days into a week that has a table; yield how many rows of each are new or changed."""
    table = OBSERVATIONS.name_of(week)
    newest = await newest_observation(connection, table)
    for number in numbers:
        polls, packed = await anext(each)
        is_first = not await packs.has_rows(connection, table, number)
        # Most files bring only what is later than all rows that are there.
        write = append_observations if polls.at.min() > newest else merge_observations
        written = await write(connection, table, polls)
        if written.are_new:
            note_new = packs.note_first if is_first else packs.note_added
            await note_new(connection, number, packed)
        elif written.changed:
            await packs.note_changed(connection, number)
        yield written.changed


class _Stores:
    """Stores of a file by code: their database ids, and when each was first observed."""

    def __init__(self, ids: dict[str, int], store_ids: list[str]) -> None:
        self._id = np.array([ids[store_id] for store_id in store_ids], np.int64)
        self._first = np.full(len(store_ids), _NEVER, np.int64)
        self.newest = 0

    def translate(self, day: int, rows: DayRows) -> _Day:
        """Return a day's rows by the database ids of their stores; note their instants."""
        # A store's first row of the day has its earliest instant.
        codes, first_rows = np.unique(rows.code, return_index=True)
        self._first[codes] = np.minimum(self._first[codes], rows.observed_at[first_rows])
        self.newest = max(self.newest, int(rows.observed_at.max()))
        polls = packs.Polls(self._id[rows.code], rows.observed_at, rows.active)
        if (polls.store[1:] < polls.store[:-1]).any():
            polls = polls.of(np.argsort(polls.store, kind="stable"))
        return _Day(polls.of(np.argsort(polls.at, kind="stable")), packs.pack(day, polls))

    def first_observed(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Return the ids of the stores that had rows, and their first instants (µs)."""
        seen = self._first != _NEVER
        return self._id[seen], self._first[seen]
