"""Business hours -> open intervals."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from openhours.times import DAY, MINUTE
from openhours.uptime.axis import Axis, Int64
from openhours.uptime.clocks import to_utc

_AS_GOOD_AS_MIDNIGHT = DAY - MINUTE
_THURSDAY = 3  # the weekday of 1970-01-01


@dataclass(frozen=True)
class Intervals:
    """Half-open intervals [start, end) in µs UTC, each of a store.

    Sorted by (store, start); those of one store neither overlap nor touch.
    """

    store: Int64
    start: Int64
    end: Int64


@dataclass(frozen=True)
class WeekHours:
    """Rows of business hours in any order, as parsed: `day` 0 is Monday.

    `opens` and `closes` are in µs since local midnight, 0 to 86,400,000,000.
    """

    store: Int64
    day: Int64
    opens: Int64
    closes: Int64


@dataclass(frozen=True)
class RowIntervals:
    """The intervals of rows of business hours, each from one date, in no order; some are empty.

    `row` is a position in WeekHours; [start, end) is in µs UTC.
    """

    row: Int64
    start: Int64
    end: Int64


def open_time(
    hours: WeekHours, zone: Int64, zones: Sequence[str], start: int, end: int
) -> Intervals:
    """Return the open intervals of every store that meet [start, end] (µs).

    `end` is included because a poll may stand there. `zone[s]` is the index in `zones` of the
    zone of store s, so there are `len(zone)` stores. The intervals are not cut to [start, end]:
    they begin and end where the store opens and closes, save that hours which never close are
    followed for a few days only. A store without rows is open throughout.
    Raise pytz.UnknownTimeZoneError.
    """
    of_rows = row_intervals(hours, zone, zones, start, end)
    return open_by_rows(of_rows, hours, len(zone), start, end)


def row_intervals(
    hours: WeekHours, zone: Int64, zones: Sequence[str], start: int, end: int
) -> RowIntervals:
    """Return the intervals of each row that meet [start, end], and others near it.

    The arguments are those of `open_time`.
    """
    rows = np.argsort(zone[hours.store], kind="stable")
    local = _by_date(hours, rows, *_days(start, end))
    since, until = _in_utc(local, zone[hours.store[rows]], zones)
    return RowIntervals(np.repeat(rows, since.shape[1]), since.ravel(), until.ravel())


def open_by_rows(
    of_rows: RowIntervals, hours: WeekHours, stores: int, start: int, end: int
) -> Intervals:
    """Return the open intervals of every store that meet [start, end], from those of its rows.

    `of_rows` are those of `hours` for the same [start, end].
    """
    first_day, last_day = _days(start, end)
    always = np.flatnonzero(np.bincount(hours.store, minlength=stores) == 0)
    store = np.concatenate((hours.store[of_rows.row], always))
    since = np.concatenate((of_rows.start, np.full(len(always), first_day * DAY)))
    until = np.concatenate((of_rows.end, np.full(len(always), (last_day + 2) * DAY)))
    some = since < until
    union = _union(store[some], since[some], until[some], stores)
    meets = (union.end > start) & (union.start <= end)
    return Intervals(union.store[meets], union.start[meets], union.end[meets])


def _days(start: int, end: int) -> tuple[int, int]:
    """Return the first and last local date, from 1970-01-01, whose hours may meet [start, end]."""
    # The hours of a local day end less than two days and 12 h after its date begins in UTC, and
    # begin at most 14 h before that.
    return start // DAY - 2, end // DAY + 1


def _by_date(hours: WeekHours, rows: Int64, first_day: int, last_day: int) -> Int64:
    """Return opening and closing of the rows in µs of local time: (2, rows, dates).

    `first_day` and `last_day` count from 1970-01-01; whole weeks are covered, so that every row
    has as many dates.
    """
    day, opens, closes = hours.day[rows], hours.opens[rows], hours.closes[rows]
    closes = np.where(closes >= _AS_GOOD_AS_MIDNIGHT, DAY, closes)
    closes = np.where(closes <= opens, closes + DAY, closes)
    date = first_day + (day - (first_day + _THURSDAY)) % 7
    midnight = (date[:, None] + np.arange(0, last_day - first_day + 1, 7)) * DAY
    return midnight + np.stack((opens, closes))[:, :, None]


def _in_utc(local: Int64, zone: Int64, zones: Sequence[str]) -> Int64:
    """Return the local times of rows sorted by zone in UTC, by one call for each zone."""
    utc = np.empty_like(local)
    bounds = np.searchsorted(zone, np.arange(len(zones) + 1))
    for name, first, beyond in zip(zones, bounds, bounds[1:], strict=False):
        if first < beyond:
            utc[:, first:beyond] = to_utc(local[:, first:beyond], name)
    return utc


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
