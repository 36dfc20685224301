"""What the figures of each store were made of, so that two reports can tell what changed.

A row of a report keeps 32-bit words, fingerprints of the store's rows but for what is named:

    hours | first observation, s | observations, of each stretch | special hours, of each date |
    corrections, a bit each of those of the report

Stretches are cut where another report may look: on Mondays, 00:00 UTC, and behind the as-of
instants of the last reports.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from openhours.db.weekly import start_of, week_of
from openhours.reports.columns import Columns
from openhours.reports.tables import Report
from openhours.reports.windows import lookback, windows_of
from openhours.stores.tables import BEATING, POLLED, SpecialHours
from openhours.times import DAY, SECOND, from_days, to_days, to_us
from openhours.uptime.axis import Bool
from openhours.uptime.dates import of_each_store
from openhours.uptime.fingerprints import (
    Prints,
    by_group,
    by_stretch,
    mixed,
    of_observations,
)
from openhours.uptime.windows import FIRST_MIDNIGHT

_MAX_MARKS = 4
_WORD = 4  # bytes


class Cuts(NamedTuple):
    """Edges (µs UTC) of the stretches of a feed, and dates that have special hours."""

    edges: Sequence[int]
    dates: Sequence[int]


@dataclass(frozen=True)
class Inputs:
    """Fingerprints for n stores: `hours` (n,), `observations` (n, stretches), `special` (n, dates).

    `first_observed` (n,) is in seconds since 1970; `corrections` (n, corrections) says which cover
    the store.
    """

    hours: Prints
    first_observed: Prints
    observations: Prints
    special: Prints
    corrections: Bool


def stretch_of(report: Report, feed: str) -> tuple[int, int] | None:
    """Return from when to when (µs) the report looks at a feed; None if it does not."""
    as_of = report.as_of(feed)
    if as_of is None:
        return None
    end = to_us(as_of)
    return end - lookback(windows_of(report), end, report.lookback_days * DAY), end


def dates_within(since: int, until: int) -> range:
    """Return the local dates (from 1970-01-01) whose special hours may meet [since, until] (µs)."""
    return range(since // DAY - 2, (until - FIRST_MIDNIGHT) // DAY + 1)


async def plan_inputs(connection: AsyncConnection, report: Report) -> dict[str, Any]:
    """Return the `Cuts` of each feed that the report looks at, as it keeps them.

    In the snapshot of the connection's transaction.
    """
    cuts: dict[str, Any] = {}
    for feed in (POLLED, BEATING):
        stretch = stretch_of(report, feed)
        if stretch is not None:
            since, until = stretch
            weeks = range(week_of(since) + 1, week_of(until) + 1)
            edges = {since, until + 1, *(to_us(start_of(week)) for week in weeks)}
            edges |= {mark + 1 for mark in await _last_as_of(connection, feed, since, until)}
            dates = await _special_dates(connection, dates_within(since, until))
            cuts[feed] = {"edges": sorted(edges), "dates": dates}
    return cuts


async def _special_dates(connection: AsyncConnection, dates: range) -> list[int]:
    """Return those of the dates for which any store has special hours, ascending."""
    within = SpecialHours.date >= from_days(dates.start), SpecialHours.date < from_days(dates.stop)
    query = select(SpecialHours.date).distinct().where(*within)
    return sorted(to_days(day) for day in await connection.scalars(query))


async def _last_as_of(connection: AsyncConnection, feed: str, since: int, until: int) -> list[int]:
    """Return the instants T (µs) of the last complete reports, of those within (since, until)."""
    as_of = Report.as_of_polled if feed == POLLED else Report.as_of_beating
    last = func.max(Report.id)
    query = select(as_of).where(Report.state == "complete").group_by(as_of).order_by(last.desc())
    found = [to_us(at) for at in await connection.scalars(query) if at is not None]
    return [at for at in found if since < at < until][:_MAX_MARKS]


def cuts_of(report: Report, feed: str) -> Cuts:
    """Return where the inputs of a report are cut."""
    assert report.inputs is not None
    return Cuts(**report.inputs[feed])


def inputs_of(columns: Columns, cuts: Cuts) -> Inputs:
    """Return the inputs of the columns' stores; `corrections` are in the order of the columns."""
    stores = len(columns.ids)
    hours, polls, ends = columns.hours, columns.observations, columns.ends
    words = of_observations(polls.at, polls.active) if ends is None else ends.words
    return Inputs(
        hours=by_group(
            mixed(hours.day, hours.opens, hours.closes, hours.valid_from), hours.store, stores
        ),
        first_observed=(columns.first_observed // SECOND).astype(np.uint32),
        observations=by_stretch(
            words,
            polls.store,
            polls.at,
            stores,
            np.array(cuts.edges, np.int64),
        ),
        special=_special(columns, cuts.dates),
        corrections=columns.covered.T,
    )


def _special(columns: Columns, dates: Sequence[int]) -> Prints:
    """Return the fingerprints of the special hours that each store keeps on the dates."""
    stores = len(columns.ids)
    if not dates:
        return np.empty((stores, 0), np.uint32)
    special, _ = of_each_store(columns.special, stores, range(dates[0], dates[-1] + 1))
    group = special.store * len(dates) + np.searchsorted(dates, special.date)
    words = mixed(special.opens, special.closes)
    return by_group(words, group, stores * len(dates)).reshape(stores, -1)


def _room(report: Report) -> tuple[int, int]:
    """Return for how many stretches and dates a row has room."""
    assert report.inputs is not None
    cuts = report.inputs.values()
    return max(len(one["edges"]) for one in cuts) - 1, max(len(one["dates"]) for one in cuts)


def packed_bytes(report: Report) -> int:
    """Return how many bytes the inputs of a row have."""
    return _WORD * (2 + sum(_room(report))) + -(-len(report.corrections) // 8)


def pack(report: Report, inputs: Inputs, corrections: Sequence[str]) -> NDArray[np.uint8]:
    """Return the inputs as rows of the report keep them: (stores, bytes).

    `corrections` are the ids of those of the inputs.
    """
    stores = len(inputs.hours)
    stretches, dates = _room(report)
    words = np.zeros((stores, 2 + stretches + dates), "<u4")
    words[:, 0], words[:, 1] = inputs.hours, inputs.first_observed
    words[:, 2 : 2 + inputs.observations.shape[1]] = inputs.observations
    words[:, 2 + stretches : 2 + stretches + inputs.special.shape[1]] = inputs.special
    covered = np.zeros((stores, len(report.corrections)), np.bool_)
    covered[:, [report.corrections.index(one) for one in corrections]] = inputs.corrections
    return np.concatenate((words.view(np.uint8), np.packbits(covered, axis=1)), axis=1)


def unpack(report: Report, rows: NDArray[np.uint8]) -> Inputs:
    """Return the inputs of rows (stores, bytes) of a report; `corrections` are in its order."""
    stretches, dates = _room(report)
    end = _WORD * (2 + stretches + dates)
    words = np.ascontiguousarray(rows[:, :end]).view("<u4").astype(np.uint32)
    bits = np.unpackbits(rows[:, end:], axis=1, count=len(report.corrections))
    return Inputs(
        hours=words[:, 0],
        first_observed=words[:, 1],
        observations=words[:, 2 : 2 + stretches],
        special=words[:, 2 + stretches :],
        corrections=bits.astype(np.bool_),
    )


def observed_between(inputs: Inputs, cuts: Cuts, first: int, last: int) -> Prints:
    """Return the fingerprints of the observations between two of the edges (µs): (stores,)."""
    some = inputs.observations[:, cuts.edges.index(first) : cuts.edges.index(last)]
    return np.asarray(some.sum(axis=1, dtype=np.uint32))
