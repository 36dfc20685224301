"""A window's up time, weighed by what rates can be: sums over its whole gaps and pieces of gaps."""

from collections.abc import Iterator
from functools import cache

import numpy as np

from openhours.uptime.axis import Float64, Int64
from openhours.uptime.intervals import bridge, cells
from openhours.uptime.intervals.bridge import DOWN, DOWN_DOWN, UP, UP_DOWN, UP_UP, Lengths, UpTime
from openhours.uptime.intervals.cells import Cells
from openhours.uptime.intervals.gaps import Parts
from openhours.uptime.intervals.rates import BY_SHARE, GRID, POINTS

_MOMENT_BITS, _LOG_BITS = 36, 30  # see cells.py
# No logarithm is less: its exponential is nothing, and sums of them stay numbers.
_NEVER = -100.0
# λ and μ: what ends uptime, and downtime.
_ENDS_UP, _ENDS_DOWN = GRID.speed * (1.0 - GRID.up), GRID.speed * GRID.up


@cache
def _tables() -> tuple[Float64, Float64, Float64]:
    """Return the tables of mean and variance, of never down, and of never up."""
    kind, hours = cells.nodes()
    none = np.zeros_like(hours)
    of = bridge.up_time(BY_SHARE, kind, Lengths(none, hours, none))
    mean = of.mean - (cells.lean(kind) * hours)[:, None]
    never = (
        _log(ends) - rate * hours[:, None]
        for ends, rate in ((of.up_ends, _ENDS_UP), (of.down_ends, _ENDS_DOWN))
    )
    never_down, never_up = (cells.table(one, _LOG_BITS) for one in never)
    return cells.table(np.hstack((mean, of.variance)), _MOMENT_BITS), never_down, never_up


class Window:
    """What lies in a window of each store."""

    def __init__(self, whole: Cells, parts: Parts) -> None:
        self._whole, self._parts = whole, parts
        self._table, never_down, never_up = _tables()
        # Where a poll says that it was down, or up, it was.
        self._never = (
            (~whole.having((UP_DOWN, DOWN_DOWN, DOWN)), never_down, _ENDS_UP),
            (~whole.having((UP_DOWN, UP_UP, UP)), never_up, _ENDS_DOWN),
        )

    def moments(self, stores: Int64, weights: Float64) -> Float64:
        """Return mean (h) and square (h²) of up time, and how likely it is all or nothing: (4, n).

        `weights` (n, POINTS) say how likely each point of the grid is for each of the n stores.
        """
        mean, variance = np.hsplit(self._whole.times(stores, self._table), 2)
        mean += self._whole.lean[stores, None]
        ends = np.ones((2, len(stores), POINTS))
        hours = np.zeros(len(stores))
        for of, pieces, value in self._pieces(stores):
            mean[of] += value.mean
            variance[of] += value.variance
            ends[0, of] *= value.up_ends
            ends[1, of] *= value.down_ends
            hours[of] += pieces
        variance += mean * mean
        found = np.zeros((4, len(stores)))
        found[0], found[1] = (mean * weights).sum(axis=1), (variance * weights).sum(axis=1)
        for n, (maybe, table, rate) in enumerate(self._never):
            of = np.flatnonzero(maybe[stores])
            logs = self._whole.times(stores[of], table) - hours[of, None] * rate
            found[2 + n, of] = (np.exp(logs) * ends[n, of] * weights[of]).sum(axis=1)
        return found

    def _pieces(self, stores: Int64) -> Iterator[tuple[Int64, Float64, UpTime]]:
        """Yield pieces, one of each store at a time, for their order decides the last bit.

        Positions of the stores, the pieces' hours and their up time.
        """
        parts = self._parts
        first = np.searchsorted(parts.store, stores)
        count = np.searchsorted(parts.store, stores, side="right") - first
        for n in range(count.max(initial=0)):
            of = np.flatnonzero(count > n)
            at = first[of] + n
            lengths = Lengths(*(hours[at] for hours in parts.lengths))
            yield of, lengths.piece, bridge.up_time(BY_SHARE, parts.kind[at], lengths)


def _log(probability: Float64) -> Float64:
    return np.log(np.maximum(probability, np.exp(_NEVER)))
