"""Business hours -> open intervals."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from openhours.times import DAY
from openhours.uptime.axis import Axis, Int64
from openhours.uptime.clocks import to_utc
from openhours.uptime.dates import (
    NO_ROW,
    DatedRows,
    SpecialHours,
    WeekHours,
    always_open,
    rows_by_date,
)


@dataclass(frozen=True)
class Intervals:
    """Half-open intervals [start, end) in µs UTC, each of a store.

    Sorted by (store, start); those of one store neither overlap nor touch.
    """

    store: Int64
    start: Int64
    end: Int64


@dataclass(frozen=True)
class RowIntervals:
    """The intervals of rows of hours, each from one date, in no order; some are empty.

    `row` as in `dates.DatedRows`; [start, end) is in µs UTC.
    """

    store: Int64
    row: Int64
    start: Int64
    end: Int64


def open_time(
    week: WeekHours,
    special: SpecialHours,
    zone: Int64,
    zones: Sequence[str],
    start: int,
    end: int,
) -> Intervals:
    """Return the open intervals of every store that meet [start, end] (µs).

    `end` is included because a poll may stand there. `zone[s]` is the index in `zones` of the
    zone of store s, so there are `len(zone)` stores. The intervals are not cut to [start, end]:
    they begin and end where the store opens and closes, save that hours which never close are
    followed for a few days only. A store without rows of the week is open throughout, special
    dates excepted. Raise pytz.UnknownTimeZoneError.
    """
    of_rows = row_intervals(week, special, zone, zones, start, end)
    return open_by_rows(of_rows, len(zone), start, end)


def row_intervals(
    week: WeekHours,
    special: SpecialHours,
    zone: Int64,
    zones: Sequence[str],
    start: int,
    end: int,
) -> RowIntervals:
    """Return the intervals of each row that meet [start, end], and others near it.

    The arguments are those of `open_time`.
    """
    stores = len(zone)
    dates = dates_near(start, end)
    dated = rows_by_date(week, special, stores, dates)
    parts = [_in_utc(rows, zone, zones) for rows in dated]
    always = always_open(week, stores)
    always[parts[0].store[parts[0].row == NO_ROW]] = False
    store = np.flatnonzero(always)
    parts.append(
        RowIntervals(
            store,
            np.full(len(store), NO_ROW),
            np.full(len(store), dates.start * DAY),
            np.full(len(store), dates.stop * DAY),
        )
    )
    columns = zip(*(vars(part).values() for part in parts), strict=True)
    return RowIntervals(*map(np.concatenate, columns))


def open_by_rows(of_rows: RowIntervals, stores: int, start: int, end: int) -> Intervals:
    """Return the open intervals of every store that meet [start, end], from those of its rows."""
    some = of_rows.start < of_rows.end
    union = _union(of_rows.store[some], of_rows.start[some], of_rows.end[some], stores)
    meets = (union.end > start) & (union.start <= end)
    return Intervals(union.store[meets], union.start[meets], union.end[meets])


def since(opened: Intervals, first: Int64) -> Intervals:
    """Return the open intervals from an instant of each store on, `first` (stores,) in µs."""
    start = np.maximum(opened.start, first[opened.store])
    some = start < opened.end
    return Intervals(opened.store[some], start[some], opened.end[some])


def dates_near(start: int, end: int) -> range:
    """Return the local dates, from 1970-01-01, whose hours may meet [start, end]: whole weeks."""
    # The hours of a local day end less than two days and 12 h after its date begins in UTC, and
    # begin at most 14 h before that.
    first, last = start // DAY - 2, end // DAY + 1
    weeks = (last - first) // 7 + 1
    return range(first, first + 7 * weeks)


def _in_utc(rows: DatedRows, zone: Int64, zones: Sequence[str]) -> RowIntervals:
    """Return the rows' intervals in UTC, by one call for each zone."""
    by_zone = np.argsort(zone[rows.store], kind="stable")
    local = np.stack((rows.opens[by_zone], rows.closes[by_zone]))
    bounds = np.searchsorted(zone[rows.store[by_zone]], np.arange(len(zones) + 1))
    utc = np.empty_like(local)
    for name, first, beyond in zip(zones, bounds, bounds[1:], strict=False):
        if first < beyond:
            utc[:, first:beyond] = to_utc(local[:, first:beyond], name)
    dates = local.shape[2]
    return RowIntervals(
        np.repeat(rows.store[by_zone], dates),
        np.repeat(rows.row[by_zone], dates),
        utc[0].ravel(),
        utc[1].ravel(),
    )


def _union(store: Int64, since: Int64, until: Int64, stores: int) -> Intervals:
    """Merge overlapping and touching intervals, none empty, given in any order.

    With all starts and all ends sorted, the k-th start begins a new interval if the k that began
    before it have all ended:

        intervals   |--0--|          |--2--|
                        |--1--|
        starts      s0  s1           s2         s2: both ends before it have passed, e1 < s2
        ends              e0  e1           e2
    """
    if not len(store):
        return Intervals(store, since, until)
    axis = Axis(int(since.min()), int(until.max()), stores)
    starts, ends = np.sort(axis.keys(store, since)), np.sort(axis.keys(store, until))
    apart = ends[:-1] < starts[1:]
    of, start = axis.split(starts[np.append(True, apart)])
    return Intervals(of, start, axis.split(ends[np.append(apart, True)])[1])
