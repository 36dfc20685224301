"""Open time cut into segments, each up or down."""

from dataclasses import dataclass

import numpy as np

from openhours.uptime.axis import Bool, Int64
from openhours.uptime.hours import Intervals

NO_SOURCE = -1


@dataclass(frozen=True)
class Segments:
    """Pieces [start, end) of open time in µs UTC, none empty, sorted by (store, start), disjoint.

    `source` is the position of the observation that gives the status, the first one if several
    do. It lies within [start, end], or the status is inherited from another interval; it is -1
    when no observation gives it (silence, or a store that is not known), and `active` is False.
    """

    store: Int64
    start: Int64
    end: Int64
    active: Bool
    source: Int64


@dataclass(frozen=True)
class Filled:
    """The open time of all stores up to `as_of`, filled.

    `segments` cover it exactly; `unobserved` are the parts of it without an observation near
    enough, with their status in `segments`. `known` (stores,): False where the status is not.
    """

    segments: Segments
    unobserved: Segments
    known: Bool


def lay_out(
    intervals: Intervals, opening: Int64, start: Int64, active: Bool, source: Int64
) -> Segments:
    """The segments of all intervals, laid one after the other: each lasts until the next begins.

    `opening` (intervals,) is the position of each interval's first segment; its last one ends
    with it. Those that turn out empty are dropped.
    """
    end = np.empty_like(start)
    end[:-1] = start[1:]
    end[opening[1:] - 1] = intervals.end[:-1]
    end[-1:] = intervals.end[-1:]
    store = np.repeat(intervals.store, np.diff(opening, append=len(start)))
    some = start < end
    return Segments(store[some], start[some], end[some], active[some], source[some])
