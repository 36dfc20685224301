"""Sums over the stores of a report that have the same label.

They are added up as the partitions come. The labels are those of the report's snapshot, in batches
with room in memory: mostly there is one. For those that follow, the rows that are written by then
are read again.

    labels     brand=x  brand=y  name=...  region=east  region=west    batches, by key and value
    stores       1 2       3                    1           2 3
    sums       (labels, n) of their stores, each added to every label that it has
    without    of each key: all stores, less those that have one of its values
"""

from collections.abc import Sequence
from itertools import groupby
from typing import Any, TypeAlias

import asyncpg
import numpy as np

from openhours.api.off_loop import off_loop
from openhours.db import bulk
from openhours.reports.partition import PartitionFigures
from openhours.reports.tables import Report, ReportGroups
from openhours.stores.labels import LabelledStores, label_keys, next_labels
from openhours.uptime.axis import Bool, Int64
from openhours.uptime.intervals.verdicts import CANNOT_TELL, MET, MISSED

Connection: TypeAlias = "asyncpg.Connection[Any]"

# Sums of a batch, 32 MB; figures of stores that are read again, or added up, at once.
_SUMS_A_BATCH = 4_000_000
_FIGURES_AT_ONCE = 250_000
# Of a row of `report_groups`: so many figures, and no more groups than this.
_FIGURES_A_ROW = 6_000
_GROUPS_A_ROW = 2_000


def _of_stores(known: Bool, opened: Int64, up: Int64, verdict: Int64 | None) -> Int64:
    """Return what each store adds to the sums: (stores, n). Its figures are (stores, windows).

    1; 1 if it is unknown; if it is not, open time and uptime in each window, in µs. In a report
    with verdicts 1 for each window in which it met its target, in which it missed it, and in which
    nobody can tell.
    """
    one = np.stack((np.ones_like(known), ~known), axis=1)
    columns = [one, opened * known[:, None], up * known[:, None]]
    if verdict is not None:
        columns += [verdict == each for each in (MET, MISSED, CANNOT_TELL)]
    return np.concatenate(columns, axis=1, dtype=np.int64)


class _Batch:
    """Labels in their order, and sums over the stores that were added so far."""

    def __init__(self, found: LabelledStores, size: int) -> None:
        order = np.argsort(found.store, kind="stable")
        self.labels = found.labels
        self.sums = np.zeros((len(found.labels), size), np.int64)
        self._store, self._label = found.store[order], found.label[order]

    def add(self, store: Int64, of_stores: Int64) -> None:
        """Add stores, ascending, to each label that they have."""
        first, beyond = np.searchsorted(self._store, (store[0], store[-1] + 1))
        place = np.searchsorted(store, self._store[first:beyond])
        found = store[place] == self._store[first:beyond]
        place, label = place[found], self._label[first:beyond][found]
        order = np.argsort(label, kind="stable")
        step = max(1, _FIGURES_AT_ONCE // of_stores.shape[1])
        for begin in range(0, len(order), step):
            some = order[begin : begin + step]
            starts = np.flatnonzero(np.diff(label[some], prepend=-1))
            self.sums[label[some][starts]] += np.add.reduceat(of_stores[place[some]], starts)


class Groups:
    """The groups of a report that is being computed.

    `reader` is in the report's snapshot, `writer` in the transaction of its rows; `only` are the
    stores to which the report is restricted, None if it is not.
    """

    def __init__(
        self, reader: Connection, writer: Connection, report: Report, only: Sequence[int] | None
    ) -> None:
        self._reader, self._writer = reader, writer
        self._report, self._windows = report, len(report.windows)
        self._only = None if only is None else list(only)
        self._size = 2 + (5 if report.verdicts else 2) * self._windows
        self._limit = max(1, _SUMS_A_BATCH // self._size)
        self._batch: _Batch | None = None
        self._all = np.zeros(self._size, np.int64)
        self._having: dict[str, Int64] = {}
        self._rows: dict[str, int] = {}

    async def add(self, part: PartitionFigures) -> None:
        """Add the stores of a partition, one or more."""
        if self._batch is None:
            self._batch = await self._next(("", ""))
        figures = part.figures
        verdict = None if part.verdicts is None else part.verdicts.verdict.T
        of_stores = _of_stores(figures.known, figures.open.T, figures.up.T, verdict)
        self._all += of_stores.sum(axis=0)
        await off_loop(self._batch.add, part.store_ids, of_stores)

    async def write(self) -> None:
        """Write the groups of all stores that were added, and note in the report how many."""
        keys = await label_keys(self._reader)
        self._report.groups = dict.fromkeys(keys, 0)
        batch = self._batch
        while batch is not None:
            await self._copy(batch)
            more = len(batch.labels) == self._limit
            batch = await self._next(batch.labels[-1]) if more else None
            if batch is not None:
                await self._add_written(batch)
        for key in keys:
            without = self._all - self._having.get(key, 0)
            if without[0]:
                await self._insert(key, [""], without[None])

    async def _next(self, after: tuple[str, str]) -> _Batch:
        found = await next_labels(self._reader, self._only, after, self._limit)
        return _Batch(found, self._size)

    async def _add_written(self, batch: _Batch) -> None:
        """Add all stores, from their rows, some at a time."""
        sums = f"int8[{self._windows}]"
        types = {"store": "int4", "known": "bool", "open": sums, "up": sums}
        if self._report.verdicts:
            types["verdict"] = sums
        query = (
            f"SELECT {', '.join(types)} FROM report_rows"  # noqa: S608  fixed names
            " WHERE report = $1 AND store > $2 ORDER BY store LIMIT $3"
        )
        limit, last = max(1, _FIGURES_AT_ONCE // self._windows), 0
        while True:
            page = await bulk.copy_out(self._writer, query, types, self._report.id, last, limit)
            if not len(page["store"]):
                return
            figures = page["open"], page["up"], page.get("verdict")
            of_stores = _of_stores(page["known"], *figures)
            await off_loop(batch.add, page["store"], of_stores)
            last = int(page["store"][-1])

    async def _copy(self, batch: _Batch) -> None:
        """Write the groups of a batch that have stores in the report."""
        labels = enumerate(batch.labels)
        for key, of_key in groupby(labels, lambda each: each[1][0]):
            values = [(n, value) for n, (_, value) in of_key if batch.sums[n, 0]]
            sums = batch.sums[np.array([n for n, _ in values], np.int64)]
            self._having[key] = self._having.get(key, 0) + sums.sum(axis=0)
            size = max(1, min(_GROUPS_A_ROW, _FIGURES_A_ROW // self._windows))
            for start in range(0, len(values), size):
                some = slice(start, start + size)
                await self._insert(key, [value for _, value in values[some]], sums[some])

    async def _insert(self, key: str, values: Sequence[str], sums: Int64) -> None:
        """Write a row of `report_groups`."""
        row = self._rows[key] = self._rows.get(key, 0) + 1
        self._report.groups[key] += len(values)
        ends = 2 + self._windows * np.array([0, 1, 2])
        stores, opened, up, verdicts = np.split(sums, ends, axis=1)
        columns = [*stores.T.tolist(), opened.tolist(), up.tolist()]
        counts = verdicts.tolist() if self._report.verdicts else None
        record = (self._report.id, key, row, values, *columns, counts)
        columns_of_table = ReportGroups.__table__.columns.keys()
        await bulk.copy_records_in(
            self._writer, ReportGroups.__tablename__, columns_of_table, [record]
        )
