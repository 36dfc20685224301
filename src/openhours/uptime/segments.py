"""Open time cut into segments, each up or down."""

from dataclasses import dataclass

import numpy as np

from openhours.uptime.axis import Bool, Int64
from openhours.uptime.hours import Intervals

NO_SOURCE = -1


@dataclass(frozen=True)
class Segments:
    """Parts [start, end) of open time in µs UTC, none empty, sorted by (store, start), disjoint.

    `source` is the position of the observation that gives the status, the first one if several
    do. It lies within [start, end], or the status is inherited from another interval; it is -1
    when no observation gives it (silence, or a store that is not known), and `active` is False.
    """

    store: Int64
    start: Int64
    end: Int64
    active: Bool
    source: Int64


def no_segments() -> Segments:
    """Return segments of no store."""
    nothing = np.empty(0, np.int64)
    return Segments(nothing, nothing, nothing, np.empty(0, np.bool_), nothing)


@dataclass(frozen=True)
class Filled:
    """The open time of all stores up to `as_of`, filled.

    `segments` cover it exactly; `unobserved` are the parts of it without an observation near
    enough, with their status in `segments`. `corrected` are the parts that corrections took out
    of it or decided, with the status they had before. `known` (stores,): False where the status
    is not.
    """

    segments: Segments
    unobserved: Segments
    corrected: Segments
    known: Bool


@dataclass(frozen=True)
class Places:
    """Where intervals and their items stand in one column, interval after interval.

    `heads` (n,) and `tails` (n,), empty if there are none, are positions; `items` says of each
    position whether an item stands there.
    """

    heads: Int64
    items: Bool
    tails: Int64

    def column(self, heads: Int64, items: Int64, tails: Int64 | None = None) -> Int64:
        """Return the column with these values: `heads` (n,), `items` (m,) or (m, width)."""
        column = np.empty(len(self.items), np.int64)
        column[self.heads] = heads
        column[self.items] = items.ravel()
        if tails is not None:
            column[self.tails] = tails
        return column


def interleave(before: Int64, items: int, *, width: int = 1, tails: bool = False) -> Places:
    """Return the places of n intervals and of their items, of which each takes `width` places.

    `before` (n,) is how many of the items belong to the intervals before each one. Of three
    intervals, the first with one item, the second with two:

        before                    0            1                  3
        width=1                   H a          H b c              H
        width=2, tails=True       H a1 a2 T    H b1 b2 c1 c2 T    H T
    """
    edges = 2 if tails else 1
    heads = edges * np.arange(len(before)) + width * before
    total = edges * len(before) + width * items
    ends = np.append(heads[1:], total)[: len(heads)] - 1 if tails else heads[:0]
    of_items = np.ones(total, np.bool_)
    of_items[heads] = of_items[ends] = False
    return Places(heads, of_items, ends)


def lay_out(
    intervals: Intervals, opening: Int64, start: Int64, active: Bool, source: Int64
) -> Segments:
    """Return the segments of all intervals, each of which lasts until the next one begins.

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
