"""One partition of a report: read a slice, fill it, sum it up.

Runs in any process, anywhere. What a page draws of a store is filled by the same functions.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from openhours.garbage import leave_what_is_loaded
from openhours.reports.columns import Columns
from openhours.reports.executors import Executor
from openhours.reports.filling import (
    FillRules,
    corrections_of,
    counted_polls,
    fill,
    find_outages,
    open_hours,
    read_columns,
)
from openhours.reports.fleet import Chosen, Sampled, sample
from openhours.reports.inputs import Cuts, Inputs, inputs_of
from openhours.reports.slices import Slice
from openhours.reports.targets import Targets
from openhours.uptime.axis import Float64, Int64
from openhours.uptime.fill import Counted
from openhours.uptime.hourly import by_hour
from openhours.uptime.intervals.mixture import Evidence, Ranges, evidence, ranges
from openhours.uptime.intervals.verdicts import verdicts
from openhours.uptime.outages import Outages, in_windows, some
from openhours.uptime.segments import Filled
from openhours.uptime.tallies import tallies
from openhours.uptime.totals import Figures, figures
from openhours.uptime.windows import Bounds, Window, bounds


@dataclass(frozen=True)
class Partition:
    """A slice, the snapshot to read it in, how to fill it, and what to sum up.

    If intervals are asked for, `prior` is the fleet's, see `uptime.intervals`; or it is not known
    yet, and `chosen` are the stores it will be fitted to. `targets` are those of its stores, if
    there are any, too.
    """

    slice: Slice
    snapshot: str
    rules: FillRules
    windows: Sequence[Window]
    prior: Float64 | None
    chosen: Chosen | None
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
class Unweighed:
    """The evidence for intervals while the prior is not known, and what it is fitted to."""

    said: Evidence
    sampled: Sampled


@dataclass(frozen=True)
class PartitionFigures:
    """The figures of the stores `store_ids` (n,), database ids; `feed` is the partition's.

    `ranges` are their intervals, if they were asked for, `verdicts` what these say of targets, if
    there are any; `unweighed` is there while the prior is not known. `by_hour` is (2, 168), see
    `uptime.hourly`, `tallies` as in `uptime.tallies`; `zone` (n,) are positions in `zones`;
    `inputs` are what the figures were made of, `corrections` the ids of the corrections in them.
    """

    feed: str
    store_ids: Int64
    figures: Figures
    ranges: Ranges | None
    verdicts: Verdicts | None
    unweighed: Unweighed | None
    by_hour: Int64
    tallies: Int64
    zone: Int64
    zones: Sequence[str]
    outages: PartitionOutages | None
    inputs: Inputs
    corrections: Sequence[str]


def warm_up() -> None:
    """Import what a partition needs, in this process."""
    leave_what_is_loaded()


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
    computed = PartitionFigures(
        feed=part.feed,
        store_ids=columns.ids,
        figures=found,
        ranges=None,
        verdicts=None,
        unweighed=None,
        by_hour=by_hour(filled, part.as_of),
        tallies=tallies(found),
        zone=columns.zone,
        zones=columns.zones,
        outages=_in_windows(columns, counted, filled, part, edges) if partition.outages else None,
        inputs=inputs_of(columns, partition.cuts),
        corrections=[one.correction_id for one in columns.corrections],
    )
    if partition.prior is None and partition.chosen is None:
        return computed
    said = None
    if counted is not None:
        said = evidence(
            columns.observations,
            counted,
            filled,
            found.open,
            corrections_of(columns),
            columns.covered,
            edges,
            as_of=part.as_of,
            lookback=part.lookback,
        )
        if partition.chosen is not None:
            sampled = sample(columns, opened, part, said.likelihoods, partition.chosen)
            return replace(computed, unweighed=Unweighed(said, sampled))
    target = _targets(partition, columns.ids)
    sure = weigh(url, Weighing(said, partition.prior, found, target))
    return replace(computed, ranges=sure.ranges, verdicts=sure.verdicts)


@dataclass(frozen=True)
class Weighing:
    """Figures of stores, what their polls say, None of heartbeats, the prior, and targets (n,)."""

    said: Evidence | None
    prior: Float64 | None
    figures: Figures
    target: Int64 | None


@dataclass(frozen=True)
class Weighed:
    """Intervals, and what they say of targets, if there are any."""

    ranges: Ranges
    verdicts: Verdicts | None


def weigh(_: str | None, part: Weighing) -> Weighed:
    """Return the intervals for uptime; of a beating store it is its uptime."""
    found = part.figures
    if part.said is None:
        sure = Ranges(found.up, found.up, found.up)
    else:
        assert part.prior is not None
        sure = ranges(part.said, part.prior)
    if part.target is None:
        return Weighed(sure, None)
    judged = verdicts(sure, found.open, found.known, part.target)
    return Weighed(sure, Verdicts(part.target, judged))


async def weighed(
    executor: Executor, partition: Partition, computed: PartitionFigures, prior: Float64
) -> PartitionFigures:
    """Return the figures of a partition with their intervals, which the prior is now known for."""
    assert computed.unweighed is not None
    target = _targets(partition, computed.store_ids)
    part = Weighing(computed.unweighed.said, prior, computed.figures, target)
    found = await executor.compute(weigh, part)
    return replace(computed, ranges=found.ranges, verdicts=found.verdicts, unweighed=None)


def _targets(partition: Partition, store_ids: Int64) -> Int64 | None:
    return None if partition.targets is None else partition.targets.of(store_ids)


def _in_windows(
    columns: Columns, counted: Counted | None, filled: Filled, part: Slice, edges: Bounds
) -> PartitionOutages:
    found = find_outages(columns, counted, filled, part)
    of = in_windows(found, filled, edges, part.as_of - part.lookback)
    return PartitionOutages(some(found, of.inside), of.count, of.longest)
