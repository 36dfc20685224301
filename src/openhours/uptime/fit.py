"""Which stores are active at other hours than they are open, as with a wrong time zone.

open time        |=======|            |=======|
active polls            a  a  a  a           a  a  a     most are outside
3 hours later          |=======|            |=======|    few are
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from openhours.times import HOUR
from openhours.uptime.axis import Axis, Int64
from openhours.uptime.hours import Intervals

Float64 = NDArray[np.float64]

# By how many hours open time is moved at the most.
MAX_SHIFT = 12
MANY_OUTSIDE = 0.20
FEW_OUTSIDE = 0.05
_MIN_POLLS = 20
# By how many standard deviations fewer polls must be outside than if they were spread over the
# week: those of a store that is always active fit long hours by chance.
_DEVIATIONS = 5


@dataclass(frozen=True)
class Misfits:
    """Stores (n,), ascending, and by how many hours later, or earlier if negative, their open time
    would have to begin for their active polls to fit.

    `outside` and `left` are the shares of active polls outside of open time, now and then.
    """

    store: Int64
    shift: Int64
    outside: Float64
    left: Float64


def misfits(store: Int64, at: Int64, opened: Intervals, stores: int, bounds: range) -> Misfits:
    """Return the stores with over MANY_OUTSIDE of their active polls outside of open time, and with
    under FEW_OUTSIDE if it were some whole hours off.

    `store` and `at` (polls,) are active polls within `bounds` (µs), in any order; `opened` are the
    open intervals that meet the bounds or lie within MAX_SHIFT hours of them.
    """
    axis = Axis(bounds.start - 1, bounds.stop, stores)
    keys = np.sort(axis.keys(store, at))
    polls = np.bincount(store, minlength=stores)

    def share_outside(of: Intervals, hours: int) -> Float64:
        begins, ends = (
            np.searchsorted(keys, axis.keys(of.store, edge + hours * HOUR))
            for edge in (of.start, of.end)
        )
        return 1 - np.bincount(of.store, ends - begins, stores) / np.maximum(polls, 1)

    outside = share_outside(opened, 0)
    suspect = (polls >= _MIN_POLLS) & (outside > MANY_OUTSIDE)
    some = suspect[opened.store]
    theirs = Intervals(opened.store[some], opened.start[some], opened.end[some])
    left, shift = outside.copy(), np.zeros(stores, np.int64)
    # The smallest shift of those that fit best.
    for hours in sorted(range(-MAX_SHIFT, MAX_SHIFT + 1), key=abs)[1:]:
        shifted = share_outside(theirs, hours)
        better = suspect & (shifted < left)
        left[better], shift[better] = shifted[better], hours
    fits = left < np.minimum(FEW_OUTSIDE, _by_chance(theirs, polls, bounds))
    found = np.flatnonzero(suspect & fits)
    return Misfits(found, shift[found], outside[found], left[found])


def _by_chance(opened: Intervals, polls: Int64, bounds: range) -> Float64:
    """Return the share of polls (stores,) that is hardly ever outside if they lie anywhere."""
    length = np.minimum(opened.end, bounds.stop) - np.maximum(opened.start, bounds.start)
    open_time = np.bincount(opened.store, np.maximum(length, 0), len(polls))
    expected = 1 - open_time / len(bounds)
    deviation = np.sqrt(expected * (1 - expected) / np.maximum(polls, 1))
    return np.asarray(expected - _DEVIATIONS * deviation)
