"""Open time and uptime of all stores together, hour by hour: a picture's numbers."""

import numpy as np

from openhours.uptime.axis import HOUR, Bool, Int64
from openhours.uptime.segments import Filled

HOURS = 168


def by_hour(filled: Filled, as_of: int) -> Int64:
    """(2, 168): open time and its active part in each hour of the week before as_of, in µs.

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
    """How much of [start, end), of those chosen, lies in each hour: the growth of what has passed.

    What has passed at an edge: of all that began, the time since, less that of all that ended.
    """
    return np.diff(_since(start[which]) - _since(end[which]))


def _since(instants: Int64) -> Int64:
    """At each edge of the hours, the sum of the times since the instants before it."""
    hour = np.minimum(instants // HOUR, HOURS)
    count, total = np.zeros((2, HOURS + 2), np.int64)
    np.add.at(count, hour + 1, 1)
    np.add.at(total, hour + 1, instants)
    edges = np.arange(HOURS + 1) * HOUR
    passed: Int64 = edges * np.cumsum(count)[:-1] - np.cumsum(total)[:-1]
    return passed
