"""One partition of a report: read a slice, compute its figures. Runs in any process, anywhere."""

import time
from dataclasses import dataclass
from typing import Any

import asyncpg
import numpy as np
from numpy.typing import NDArray

from openhours.db import child
from openhours.reports.read import Columns, Slice, read_slice
from openhours.stores.tables import POLLED
from openhours.uptime.beats import Heartbeats
from openhours.uptime.fill import Interpolation
from openhours.uptime.hours import open_time
from openhours.uptime.totals import Figures, beating_figures, polled_figures


@dataclass(frozen=True)
class Partition:
    """A slice, the snapshot to read it in, and how to fill what was not observed (µs)."""

    slice: Slice
    snapshot: str
    interpolation: Interpolation
    observed_within: int
    heartbeat_expiry: int


@dataclass(frozen=True)
class PartitionFigures:
    """The figures of a partition's stores; `ids` are the numbers of the database."""

    ids: NDArray[np.int64]
    figures: Figures


def warm_up(seconds: float) -> None:
    """Import what a partition needs, in this process, and stay long enough for all others to."""
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
        return PartitionFigures(columns.ids, figures_of(columns, partition))

    return child.run(work)


def figures_of(columns: Columns, partition: Partition) -> Figures:
    """The kernel's answer for the columns."""
    part = partition.slice
    hours = open_time(
        columns.hours,
        columns.zone,
        columns.zones,
        part.as_of - part.lookback,
        part.as_of,
    )
    if part.feed == POLLED:
        return polled_figures(
            columns.observations,
            hours,
            stores=len(columns.ids),
            as_of=part.as_of,
            lookback=part.lookback,
            interpolation=partition.interpolation,
            radius=partition.observed_within,
        )
    beats = Heartbeats(columns.observations.store, columns.observations.at)
    return beating_figures(
        beats,
        hours,
        first_heartbeat=columns.first_observed,
        as_of=part.as_of,
        lookback=part.lookback,
        expiry=partition.heartbeat_expiry,
    )
