"""One partition of a report: read a slice, fill it, sum it up.

Runs in any process, anywhere. What a page draws of a store is filled by the same functions.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import asyncpg
import numpy as np

from openhours.db import worker_connection
from openhours.garbage import leave_what_is_loaded
from openhours.reports.columns import Columns, Slice, read_slice
from openhours.reports.inputs import Cuts, Inputs, inputs_of
from openhours.reports.tables import Report
from openhours.reports.targets import Targets
from openhours.stores.tables import POLLED
from openhours.times import DAY, MINUTE, SECOND
from openhours.uptime.axis import Float64, Int64
from openhours.uptime.beats import Heartbeats, beating
from openhours.uptime.corrections import Correction, correct
from openhours.uptime.fill import Counted, Interpolation, count_polls, polled
from openhours.uptime.hourly import by_hour
from openhours.uptime.hours import Intervals, open_time, since
from openhours.uptime.intervals.mixture import Ranges, evidence, ranges
from openhours.uptime.intervals.verdicts import verdicts
from openhours.uptime.outages import Outages, in_windows, outages, some
from openhours.uptime.segments import Filled
from openhours.uptime.totals import Figures, figures
from openhours.uptime.windows import Bounds, Window, bounds


@dataclass(frozen=True)
class FillRules:
    """Rules for filling moments without an observation (µs)."""

    interpolation: Interpolation
    observed_within: int
    heartbeat_expiry: int


def fill_rules_of(report: Report) -> FillRules:
    """Return the rules that were fixed when the report was triggered."""
    return FillRules(
        interpolation="previous" if report.interpolation == "previous" else "nearest",
        observed_within=report.observed_within_minutes * MINUTE,
        heartbeat_expiry=report.heartbeat_expiry_seconds * SECOND,
    )


@dataclass(frozen=True)
class Partition:
    """A slice, the snapshot to read it in, how to fill it, and what to sum up.

    `prior` is the fleet's, if intervals are asked for, see `uptime.intervals`; `targets` are those
    of its stores, if there are any, too.
    """

    slice: Slice
    snapshot: str
    rules: FillRules
    windows: Sequence[Window]
    prior: Float64 | None
    targets: Targets | None
    outages: bool
    cuts: Cuts


@dataclass(frozen=True)
class PartitionOutages:
    """The outages with downtime in a window; `found.store` are positions in `store_ids`.

    `count` and `longest` (µs) are (windows, stores), see `uptime.outages.InWindows`.
    """

    found: Outages
    count: Int64
    longest: Int64


@dataclass(frozen=True)
class Verdicts:
    """The targets of stores (n,), and whether they reached them in windows (windows, n).

    As in `uptime.intervals.verdicts`.
    """

    target: Int64
    verdict: Int64


@dataclass(frozen=True)
class PartitionFigures:
    """The figures of the stores `store_ids` (n,), database ids; `feed` is the partition's.

    `ranges` are their intervals, if they were asked for, `verdicts` what these say of targets, if
    there are any. `by_hour` is (2, 168), see `uptime.hourly`; `zone` (n,) are positions in `zones`;
    `inputs` are what the figures were made of, `corrections` the ids of the corrections in them.
    """

    feed: str
    store_ids: Int64
    figures: Figures
    ranges: Ranges | None
    verdicts: Verdicts | None
    by_hour: Int64
    zone: Int64
    zones: Sequence[str]
    outages: PartitionOutages | None
    inputs: Inputs
    corrections: Sequence[str]


def warm_up(seconds: float) -> None:
    """Import what a partition needs, in this process, and stay long enough for all others to."""
    leave_what_is_loaded()
    time.sleep(seconds)


def compute_partition(url: str | None, partition: Partition) -> PartitionFigures:
    """Read and compute a partition over this thread's own connection.

    `url` None is the DATABASE_URL of the process that this runs in. Raise asyncpg's errors when
    the database or the snapshot is gone.
    """

    part = partition.slice
    columns = read_columns(url, part, partition.snapshot)
    opened = open_hours(columns, part)
    counted = counted_polls(columns, opened, part)
    filled = fill(columns, opened, counted, part, partition.rules)
    edges = bounds(partition.windows, columns.zone, columns.zones, part.as_of)
    found = figures(filled, edges)
    sure = judged = None
    if partition.prior is not None:
        sure = _ranges(columns, counted, filled, found, edges, part, partition.prior)
        if partition.targets is not None:
            target = partition.targets.of(columns.ids)
            judged = Verdicts(target, verdicts(sure, found.open, found.known, target))
    return PartitionFigures(
        feed=part.feed,
        store_ids=columns.ids,
        figures=found,
        ranges=sure,
        verdicts=judged,
        by_hour=by_hour(filled, part.as_of),
        zone=columns.zone,
        zones=columns.zones,
        outages=_in_windows(columns, counted, filled, part, edges) if partition.outages else None,
        inputs=inputs_of(columns, partition.cuts),
        corrections=[one.correction_id for one in columns.corrections],
    )


def _ranges(
    columns: Columns,
    counted: Counted | None,
    filled: Filled,
    found: Figures,
    edges: Bounds,
    part: Slice,
    prior: Float64,
) -> Ranges:
    """Return the intervals for uptime; of a beating store it is its uptime."""
    if counted is None:
        return Ranges(found.up, found.up, found.up)
    said = evidence(
        columns.observations,
        counted,
        filled,
        found.open,
        _corrections(columns),
        columns.covered,
        edges,
        as_of=part.as_of,
        lookback=part.lookback,
    )
    return ranges(said, prior)


def read_columns(url: str | None, part: Slice, snapshot: str) -> Columns:
    """Read a slice in a snapshot, as `compute_partition` does."""

    async def read(connection: "asyncpg.Connection[Any]") -> Columns:
        async with connection.transaction(isolation="repeatable_read", readonly=True):
            # A name made by pg_export_snapshot; the statement takes no parameter.
            await connection.execute(f"SET TRANSACTION SNAPSHOT '{snapshot}'")
            # Never read all stores' observations to find those of a slice, whatever old statistics
            # say of a table that has just grown; read its pages in their order; pack in memory.
            await connection.execute(
                "SET LOCAL enable_seqscan = off; SET LOCAL enable_indexscan = off;"
                " SET LOCAL work_mem = '64MB'; SET LOCAL max_parallel_workers_per_gather = 0"
            )
            return await read_slice(connection, part)

    return worker_connection.run(url, read)


def _in_windows(
    columns: Columns, counted: Counted | None, filled: Filled, part: Slice, edges: Bounds
) -> PartitionOutages:
    found = find_outages(columns, counted, filled, part)
    of = in_windows(found, filled, edges, part.as_of - part.lookback)
    return PartitionOutages(some(found, of.inside), of.count, of.longest)


def find_outages(columns: Columns, counted: Counted | None, filled: Filled, part: Slice) -> Outages:
    """Return all outages of the slice's stores, as far as the lookback knows them.

    `counted` and `filled` are those of `counted_polls` and `fill`.
    """
    observations = columns.observations
    counts = np.ones(len(observations.at), np.bool_) if counted is None else counted.polls
    return outages(filled, observations, counts, part.as_of - part.lookback, part.as_of)


def open_hours(columns: Columns, part: Slice) -> Intervals:
    """Return the open intervals that count of the slice's stores, not cut at T."""
    opened = open_time(
        columns.hours,
        columns.special,
        columns.zone,
        columns.zones,
        part.as_of - part.lookback,
        part.as_of,
    )
    return those_that_count(columns, opened)


def those_that_count(columns: Columns, opened: Intervals) -> Intervals:
    """Cut open intervals: nothing counts more than a week before a store's first observation."""
    return since(opened, columns.first_observed - 7 * DAY)


def counted_polls(columns: Columns, opened: Intervals, part: Slice) -> Counted | None:
    """Return which polls of the slice count in the intervals of `open_hours`; None of PCs."""
    if part.feed != POLLED:
        return None
    return count_polls(
        columns.observations,
        opened,
        stores=len(columns.ids),
        as_of=part.as_of,
        lookback=part.lookback,
    )


def _corrections(columns: Columns) -> list[Correction]:
    return [Correction(one.start, one.end, one.treat_as) for one in columns.corrections]


def fill(
    columns: Columns,
    opened: Intervals,
    counted: Counted | None,
    part: Slice,
    rules: FillRules,
    *,
    per_poll: bool = False,
) -> Filled:
    """Fill the open intervals of the slice's stores, and lay their corrections over that.

    `opened` and `counted` are those of `open_hours` and `counted_polls`; `per_poll` is as in
    `uptime.fill.polled`.
    """
    filled = _filled(columns, opened, counted, part, rules, per_poll)
    if not columns.corrections:
        return filled
    return correct(filled, _corrections(columns), columns.covered)


def _filled(
    columns: Columns,
    opened: Intervals,
    counted: Counted | None,
    part: Slice,
    rules: FillRules,
    per_poll: bool,
) -> Filled:
    if counted is not None:
        return polled(
            columns.observations,
            counted,
            interpolation=rules.interpolation,
            radius=rules.observed_within,
            per_poll=per_poll,
        )
    return beating(
        Heartbeats(columns.observations.store, columns.observations.at),
        opened,
        first_heartbeat=columns.first_observed,
        as_of=part.as_of,
        lookback=part.lookback,
        expiry=rules.heartbeat_expiry,
    )
