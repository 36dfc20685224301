"""One partition of a report: read a slice, fill it, compute its figures.

Runs in any process, anywhere. What a page draws of a store is filled by the same functions.
"""

import time
from dataclasses import dataclass
from typing import Any

import asyncpg
import numpy as np
from numpy.typing import NDArray

from openhours.db import worker_connection
from openhours.process_pool import collect_garbage_less
from openhours.reports.columns import Columns, Slice, read_slice
from openhours.reports.tables import Report
from openhours.stores.tables import POLLED
from openhours.uptime.beats import Heartbeats, beating
from openhours.uptime.fill import Interpolation, polled
from openhours.uptime.hourly import by_hour
from openhours.uptime.hours import Intervals, open_time
from openhours.uptime.segments import Filled
from openhours.uptime.totals import Figures, figures


@dataclass(frozen=True)
class Filling:
    """How what was not observed is filled (µs)."""

    interpolation: Interpolation
    observed_within: int
    heartbeat_expiry: int


def filling_of(report: Report) -> Filling:
    """How a report was told to fill."""
    return Filling(
        interpolation="previous" if report.interpolation == "previous" else "nearest",
        observed_within=report.observed_within_minutes * 60_000_000,
        heartbeat_expiry=report.heartbeat_expiry_seconds * 1_000_000,
    )


@dataclass(frozen=True)
class Partition:
    """A slice, the snapshot to read it in, and how to fill it."""

    slice: Slice
    snapshot: str
    filling: Filling


@dataclass(frozen=True)
class PartitionFigures:
    """The figures of a partition's stores; `ids` are the numbers of the database.

    `by_hour` is (2, 168), see `uptime.strip`; `feed` is the partition's.
    """

    feed: str
    ids: NDArray[np.int64]
    figures: Figures
    by_hour: NDArray[np.int64]


def warm_up(seconds: float) -> None:
    """Import what a partition needs, in this process, and stay long enough for all others to."""
    collect_garbage_less()
    time.sleep(seconds)


def compute(partition: Partition) -> PartitionFigures:
    """Read and compute a partition over this process's own connection.

    Raises asyncpg's errors when the database or the snapshot is gone.
    """

    async def work(connection: "asyncpg.Connection[Any]") -> PartitionFigures:
        async with connection.transaction(isolation="repeatable_read", readonly=True):
            # A name made by pg_export_snapshot; the statement takes no parameter.
            await connection.execute(f"SET TRANSACTION SNAPSHOT '{partition.snapshot}'")
            # Never read all stores' observations to find those of a slice, whatever old statistics
            # say of a table that has just grown; read its pages in their order; pack in memory.
            await connection.execute(
                "SET LOCAL enable_seqscan = off; SET LOCAL enable_indexscan = off;"
                " SET LOCAL work_mem = '64MB'; SET LOCAL max_parallel_workers_per_gather = 0"
            )
            columns = await read_slice(connection, partition.slice)
        part = partition.slice
        _, filled = fill(columns, part, partition.filling)
        return PartitionFigures(
            part.feed, columns.ids, figures(filled, part.as_of), by_hour(filled, part.as_of)
        )

    return worker_connection.run(work)


def fill(columns: Columns, part: Slice, filling: Filling) -> tuple[Intervals, Filled]:
    """The open intervals of the slice's stores, not cut at T, and how they are filled."""
    hours = open_time(
        columns.hours,
        columns.zone,
        columns.zones,
        part.as_of - part.lookback,
        part.as_of,
    )
    if part.feed == POLLED:
        return hours, polled(
            columns.observations,
            hours,
            stores=len(columns.ids),
            as_of=part.as_of,
            lookback=part.lookback,
            interpolation=filling.interpolation,
            radius=filling.observed_within,
        )
    return hours, beating(
        Heartbeats(columns.observations.store, columns.observations.at),
        hours,
        first_heartbeat=columns.first_observed,
        as_of=part.as_of,
        lookback=part.lookback,
        expiry=filling.heartbeat_expiry,
    )
