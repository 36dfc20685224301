"""Polls + open time -> segments, each up or down.

Within an open interval each moment has the status of the nearest poll in it: the status turns
midway between two polls (in whole µs, rounded down), the first poll reaches back to the opening,
the last one on to the closing or to as_of. With interpolation="previous" only one thing differs:
the status turns at the later poll. (A: active, I: inactive, u: up, d: down)

             opens                                        closes
    polls      |       A    A                I       A      |   I <- does not count
    nearest    |uuuuuuuuuuuuuuuuuuuuddddddddddddduuuuuuuuuuu|
    previous   |uuuuuuuuuuuuuuuuuuuuuuuuuuuuudddddddduuuuuuu|
    unobserved |x                 xxxxx                    x| <- over `radius` from every poll

An open interval without a poll has the status of the last poll that counted before it, else of
the first after it, and is unobserved from end to end.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np

from openhours.uptime.axis import Axis, Bool, Int64
from openhours.uptime.hours import Intervals
from openhours.uptime.segments import NO_SOURCE, Filled, Segments, lay_out

Interpolation = Literal["nearest", "previous"]


@dataclass(frozen=True)
class Observations:
    """Polls, sorted by (store, at), one for each store and instant; `at` in µs UTC."""

    store: Int64
    at: Int64
    active: Bool


def polled(
    observations: Observations,
    open_time: Intervals,
    *,
    stores: int,
    as_of: int,
    lookback: int,
    interpolation: Interpolation,
    radius: int,
) -> Filled:
    """Fill the open time of polled stores, 0..stores-1.

    Observations count from as_of - lookback to as_of, both included, while the store is open.
    Moments further than `radius` from all that count in their interval are unobserved.
    `as_of`, `lookback`, `radius` in µs. Raises OverflowError if stores * lookback reaches 2**63.
    """
    counted = _count(observations, open_time, stores, as_of, lookback)
    known = np.zeros(stores, np.bool_)
    known[counted.intervals.store[counted.own]] = True
    return Filled(
        _runs(observations, counted, interpolation),
        _unobserved(observations, counted, interpolation, radius),
        known,
    )


@dataclass(frozen=True)
class _Counted:
    """Open intervals cut at as_of, and the polls that count: [first, beyond) of each interval.

    `own`: has the interval any? `source`: the poll whose status it begins with, or -1.
    `together`, for each poll: does it count in the same interval as the poll before it?
    """

    intervals: Intervals
    first: Int64
    beyond: Int64
    own: Bool
    source: Int64
    together: Bool


def _count(
    observations: Observations, open_time: Intervals, stores: int, as_of: int, lookback: int
) -> _Counted:
    since = as_of - lookback
    axis = Axis(since - 1, as_of + 1, stores)  # its ends take the polls that are too old or too new
    keys = axis.keys(observations.store, observations.at)
    # Search the intervals' edges among the polls, not each poll among the intervals.
    first, beyond = (
        np.searchsorted(keys, axis.keys(open_time.store, np.maximum(at, since)))
        for at in (open_time.start, open_time.end)
    )
    own = first < beyond
    return _Counted(
        Intervals(open_time.store, open_time.start, np.minimum(open_time.end, as_of)),
        first,
        beyond,
        own,
        _inherit(open_time.store, first, beyond, own),
        _together(first[own], beyond[own], len(keys)),
    )


def _inherit(store: Int64, first: Int64, beyond: Int64, own: Bool) -> Int64:
    """The poll that gives each interval its first status, -1 if none: see the module's rules."""
    if not own.any():
        return np.full(len(own), NO_SOURCE)
    interval = np.arange(len(own))
    before = np.maximum.accumulate(np.where(own, interval, 0))
    after = np.minimum.accumulate(np.where(own, interval, len(own) - 1)[::-1])[::-1]
    source = np.where(own[after] & (store[after] == store), first[after], NO_SOURCE)
    source = np.where(own[before] & (store[before] == store), beyond[before] - 1, source)
    return np.where(own, first, source)


def _together(first: Int64, beyond: Int64, polls: int) -> Bool:
    step = np.zeros(polls + 1, np.int8)
    step[first + 1] = 1
    step[beyond] -= 1
    return np.cumsum(step[:-1], dtype=np.int8).view(np.bool_)


def _turn(at: Int64, later: Int64, interpolation: Interpolation) -> Int64:
    """When the status turns to that of the polls `later` from that of those just before them."""
    if interpolation == "previous":
        return at[later]
    return (at[later - 1] + at[later]) // 2


def _runs(observations: Observations, counted: _Counted, interpolation: Interpolation) -> Segments:
    """One segment from the opening of each interval, one from each change of status in it."""
    changed = counted.together.copy()
    changed[1:] &= observations.active[1:] != observations.active[:-1]
    later = np.flatnonzero(changed)
    # Before the first segment of an interval go those of all earlier intervals and their changes.
    opening = np.arange(len(counted.intervals.start)) + np.searchsorted(later, counted.first)
    turns = np.ones(len(opening) + len(later), np.bool_)
    turns[opening] = False
    start, source = np.empty((2, len(turns)), np.int64)
    start[opening], source[opening] = counted.intervals.start, counted.source
    start[turns], source[turns] = _turn(observations.at, later, interpolation), later
    active = _status(observations.active, source)
    return lay_out(counted.intervals, opening, start, active, source)


def _unobserved(
    observations: Observations, counted: _Counted, interpolation: Interpolation, radius: int
) -> Segments:
    """The open time further than `radius` from the polls of its interval, split by status.

    Of each interval: what precedes its first poll, the two halves of each gap, what follows its
    last. Without a poll, the first of these is all of it.
    """
    at, own, intervals = observations.at, counted.own, counted.intervals
    wide = counted.together.copy()
    wide[1:] &= at[1:] - at[:-1] > 2 * radius
    later = np.flatnonzero(wide)
    since, until = at[later - 1] + radius, at[later] - radius
    turn = np.minimum(_turn(at, later, interpolation), until)

    pieces = 2 * (len(own) + len(later))
    preceding = 2 * (np.arange(len(own)) + np.searchsorted(later, counted.first))
    following = np.append(preceding, pieces)[1:] - 1
    halves = np.ones(pieces, np.bool_)
    halves[preceding] = halves[following] = False
    start, end, source = np.empty((3, pieces), np.int64)
    start[halves] = np.stack((since, turn), axis=1).ravel()
    end[halves] = np.stack((turn, until), axis=1).ravel()
    source[halves] = np.stack((later - 1, later), axis=1).ravel()
    start[preceding], source[preceding] = intervals.start, counted.source
    end[preceding] = intervals.end
    end[preceding[own]] = at[counted.first[own]] - radius
    start[following] = end[following] = intervals.end
    start[following[own]] = at[counted.beyond[own] - 1] + radius
    source[following] = counted.beyond - 1

    store = np.repeat(intervals.store, following - preceding + 1)
    some = start < end
    active = _status(observations.active, source[some])
    return Segments(store[some], start[some], end[some], active, source[some])


def _status(active: Bool, source: Int64) -> Bool:
    status = np.zeros(len(source), np.bool_)
    has_source = source != NO_SOURCE
    status[has_source] = active[source[has_source]]
    return status
