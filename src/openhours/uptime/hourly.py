"""Open time and uptime of all stores together, hour by hour: the numbers of a chart.

A segment [s, e) may span many hours. Instead of cutting it at each, take the time that has passed
since it began: up to an instant t that is max(0, t - s), and of the segment itself

    max(0, t - s) - max(0, t - e)

has passed. Summed over all segments this is F(t), and the hour that begins at t holds
F(t + 1 h) - F(t). With n starts before t, their sum being S, the first part is n * t - S, and the
second one likewise: a few running sums over the hours, however many and long the segments are.

    hours      |         |         |         |
    segment        s=======e
    t - s      0         6        16        26
    t - e      0         0         8        18
    F          0         6         8         8
    in each         6         2         0
"""

import numpy as np

from openhours.times import HOUR
from openhours.uptime.axis import Bool, Int64
from openhours.uptime.segments import Filled

HOURS = 168


def by_hour(filled: Filled, as_of: int) -> Int64:
    """Return (2, 168): open time and its active part in each hour of the week before as_of, in µs.

    Stores that are not known have no part in it. `as_of` (µs) is that of the filling.
    """
    segments = filled.segments
    since = as_of - HOURS * HOUR
    some = filled.known[segments.store] & (segments.end > since)
    start = np.maximum(segments.start[some], since) - since
    end = segments.end[some] - since
    every = np.ones(len(start), np.bool_)
    return np.stack([_lengths(start, end, which) for which in (every, segments.active[some])])


def _lengths(start: Int64, end: Int64, which: Bool) -> Int64:
    """Return how much of [start, end), of those chosen, lies in each hour: (168,)."""
    return np.diff(_passed_since(start[which]) - _passed_since(end[which]))


def _passed_since(instants: Int64) -> Int64:
    """Return at each edge of the hours the sum of max(0, edge - instant): (169,).

    `instants` are in µs from the first edge to the last one.
    """
    hour = np.minimum(instants // HOUR, HOURS)
    count, total = np.zeros((2, HOURS + 2), np.int64)
    # An instant counts from the edge after it on.
    np.add.at(count, hour + 1, 1)
    np.add.at(total, hour + 1, instants)
    edges = np.arange(HOURS + 1) * HOUR
    passed: Int64 = edges * np.cumsum(count)[:-1] - np.cumsum(total)[:-1]
    return passed
