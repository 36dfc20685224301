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
from openhours.uptime.segments import NO_SOURCE, Filled, Segments, interleave, lay_out, no_segments

Interpolation = Literal["nearest", "previous"]


@dataclass(frozen=True)
class Observations:
    """Polls, sorted by (store, at), one for each store and instant; `at` in µs UTC."""

    store: Int64
    at: Int64
    active: Bool


@dataclass(frozen=True)
class Counted:
    """Open intervals cut at as_of, and the polls that count: [first, beyond) of each interval.

    `own`: has the interval any? `source`: the poll whose status it begins with, or -1.
    `together`, for each poll: does it count in the same interval as the poll before it?
    """

    stores: int
    intervals: Intervals
    first: Int64
    beyond: Int64
    own: Bool
    source: Int64
    together: Bool

    @property
    def polls(self) -> Bool:
        """Return which polls count."""
        counts = self.together.copy()
        counts[self.first[self.own]] = True
        return counts


def polled(
    observations: Observations,
    counted: Counted,
    *,
    interpolation: Interpolation,
    radius: int,
    per_poll: bool = False,
) -> Filled:
    """Fill the open time of polled stores; `counted` are their polls that count.

    Moments further than `radius` (µs) from all that count in their interval are unobserved.
    With `per_poll` each poll that counts has a segment of its own; without, polls in a row with
    one status share one. The figures are the same.
    """
    known = np.zeros(counted.stores, np.bool_)
    known[counted.intervals.store[counted.own]] = True
    return Filled(
        _segments(observations, counted, interpolation, per_poll),
        _unobserved(observations, counted, interpolation, radius),
        no_segments(),
        known,
    )


def count_polls(
    observations: Observations, open_time: Intervals, *, stores: int, as_of: int, lookback: int
) -> Counted:
    """Return which observations of stores 0..stores-1 count, and in which interval.

    They count from as_of - lookback to as_of (µs), both included, while the store is open.
    Raise OverflowError if stores * lookback reaches 2**63.
    """
    since = as_of - lookback
    axis = Axis(since - 1, as_of + 1, stores)  # its ends take the polls that are too old or too new
    keys = axis.keys(observations.store, observations.at)
    # Search the intervals' edges among the polls, not each poll among the intervals.
    first, beyond = (
        np.searchsorted(keys, axis.keys(open_time.store, np.maximum(at, since)))
        for at in (open_time.start, open_time.end)
    )
    own = first < beyond
    return Counted(
        stores,
        Intervals(open_time.store, open_time.start, np.minimum(open_time.end, as_of)),
        first,
        beyond,
        own,
        _inherit(open_time.store, first, beyond, own),
        _together(first[own], beyond[own], len(keys)),
    )


def _inherit(store: Int64, first: Int64, beyond: Int64, own: Bool) -> Int64:
    """Return the poll that gives each interval its first status, -1 if none: see the rules above.

    intervals of a store      0      1        2      3
    polls                            p q             r
    source                    p      p        q      r
    """
    if not own.any():
        return np.full(len(own), NO_SOURCE)
    interval = np.arange(len(own))
    before = np.maximum.accumulate(np.where(own, interval, 0))
    after = np.minimum.accumulate(np.where(own, interval, len(own) - 1)[::-1])[::-1]
    source = np.where(own[after] & (store[after] == store), first[after], NO_SOURCE)
    source = np.where(own[before] & (store[before] == store), beyond[before] - 1, source)
    return np.where(own, first, source)


def _together(first: Int64, beyond: Int64, polls: int) -> Bool:
    """Say of each poll whether it counts in the same interval as the poll before it.

    `first` and `beyond` are those of intervals that have polls; each adds +1 from its second poll
    up to its last one:

        polls      0  1  2  3  4  5
        counted      [      )  [  )      first 1, beyond 3; first 4, beyond 5
        step       0  0  1 -1  0  0
    """
    step = np.zeros(polls + 1, np.int8)
    step[first + 1] = 1
    step[beyond] -= 1
    return np.cumsum(step[:-1], dtype=np.int8).view(np.bool_)


def _turn(at: Int64, later: Int64, interpolation: Interpolation) -> Int64:
    """Return when the status turns from that of each poll before `later` to that of `later`."""
    if interpolation == "previous":
        return at[later]
    return (at[later - 1] + at[later]) // 2


def _segments(
    observations: Observations, counted: Counted, interpolation: Interpolation, per_poll: bool
) -> Segments:
    """Cut each interval where its status changes or, `per_poll`, between all of its polls.

    polls             A     A         I   A
    interval     |                             |
    segments     |------------|---------|------|
    per_poll     |-------|----|---------|------|
    """
    cuts = counted.together
    if not per_poll:
        cuts = cuts.copy()
        cuts[1:] &= observations.active[1:] != observations.active[:-1]
    later = np.flatnonzero(cuts)
    places = interleave(np.searchsorted(later, counted.first), len(later))
    turns = _turn(observations.at, later, interpolation)
    start = places.column(counted.intervals.start, turns)
    source = places.column(counted.source, later)
    active = _status(observations.active, source)
    return lay_out(counted.intervals, places.heads, start, active, source)


def _unobserved(
    observations: Observations, counted: Counted, interpolation: Interpolation, radius: int
) -> Segments:
    """Return the open time further than `radius` from the polls of its interval.

    It is split by status: of each interval what precedes its first poll, the two halves of each
    wide gap, what follows its last poll. Without a poll, the first of these is all of it.

        polls                    A                        I     A
        interval     |                                                    |
        unobserved   |--head--|     |---a1----|---a2---|           |-tail-|
    """
    at, own, intervals = observations.at, counted.own, counted.intervals
    wide = counted.together.copy()
    wide[1:] &= at[1:] - at[:-1] > 2 * radius
    later = np.flatnonzero(wide)
    since, until = at[later - 1] + radius, at[later] - radius
    turn = np.minimum(_turn(at, later, interpolation), until)

    head_end, tail_start = intervals.end.copy(), intervals.end.copy()
    head_end[own] = at[counted.first[own]] - radius
    tail_start[own] = at[counted.beyond[own] - 1] + radius

    before = np.searchsorted(later, counted.first)
    places = interleave(before, len(later), width=2, tails=True)
    start = places.column(intervals.start, _pairs(since, turn), tail_start)
    end = places.column(head_end, _pairs(turn, until), intervals.end)
    source = places.column(counted.source, _pairs(later - 1, later), counted.beyond - 1)

    store = np.repeat(intervals.store, places.tails - places.heads + 1)
    some = start < end
    active = _status(observations.active, source[some])
    return Segments(store[some], start[some], end[some], active, source[some])


def _pairs(one: Int64, other: Int64) -> Int64:
    return np.stack((one, other), axis=1)


def _status(active: Bool, source: Int64) -> Bool:
    """Return the status that each source gives, False where there is none."""
    status = np.zeros(len(source), np.bool_)
    has_source = source != NO_SOURCE
    status[has_source] = active[source[has_source]]
    return status
