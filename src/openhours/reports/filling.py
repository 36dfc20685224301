"""A slice of stores, read and filled: what reports sum up, and pages draw."""

from dataclasses import dataclass
from typing import Any

import asyncpg
import numpy as np

from openhours.db import worker_connection
from openhours.reports.columns import Columns, read_slice
from openhours.reports.slices import Slice
from openhours.reports.tables import Report
from openhours.stores.tables import POLLED
from openhours.times import DAY, MINUTE, SECOND
from openhours.uptime.beats import Heartbeats, beating
from openhours.uptime.corrections import Correction, correct
from openhours.uptime.fill import Counted, Interpolation, count_polls, polled
from openhours.uptime.hours import Intervals, open_time, since
from openhours.uptime.outages import Outages, outages
from openhours.uptime.segments import Filled


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


def read_columns(url: str | None, part: Slice, snapshot: str) -> Columns:
    """Read a slice in a snapshot, on this thread's own connection.

    Raise asyncpg's errors when the database or the snapshot is gone.
    """

    async def read(connection: "asyncpg.Connection[Any]") -> Columns:
        async with connection.transaction(isolation="repeatable_read", readonly=True):
            # A name made by pg_export_snapshot; the statement takes no parameter.
            await connection.execute(f"SET TRANSACTION SNAPSHOT '{snapshot}'")
            await connection.execute(worker_connection.NOTICE_KILLED_CLIENT)
            # Never read whole weeks to find the observations of a slice, whatever old statistics
            # say of a table that has just grown; read its pages in their order; pack in memory.
            await connection.execute(
                "SET LOCAL enable_seqscan = off; SET LOCAL enable_indexscan = off;"
                " SET LOCAL work_mem = '64MB'; SET LOCAL max_parallel_workers_per_gather = 0"
            )
            return await read_slice(connection, part)

    return worker_connection.run(url, read)


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
    return correct(filled, corrections_of(columns), columns.covered)


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
    beats, ends = columns.observations, columns.ends
    return beating(
        Heartbeats(beats.store, beats.at, None if ends is None else ends.joined),
        opened,
        first_heartbeat=columns.first_observed,
        as_of=part.as_of,
        lookback=part.lookback,
        expiry=rules.heartbeat_expiry,
    )


def corrections_of(columns: Columns) -> list[Correction]:
    """Return the corrections of the slice as the kernel takes them."""
    return [Correction(one.start, one.end, one.treat_as) for one in columns.corrections]


def find_outages(columns: Columns, counted: Counted | None, filled: Filled, part: Slice) -> Outages:
    """Return all outages of the slice's stores, as far as the lookback knows them.

    `counted` and `filled` are those of `counted_polls` and `fill`.
    """
    observations = columns.observations
    counts = np.ones(len(observations.at), np.bool_) if counted is None else counted.polls
    return outages(filled, observations, counts, part.as_of - part.lookback, part.as_of)
