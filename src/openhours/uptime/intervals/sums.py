"""A window's up time, weighed by what rates can be: sums over its whole gaps and pieces of gaps."""

from collections.abc import Callable, Iterator
from functools import cache
from typing import NamedTuple

import numpy as np

from openhours.uptime.axis import Float64, Int64
from openhours.uptime.intervals import bridge, cells
from openhours.uptime.intervals.bridge import DOWN, DOWN_DOWN, UP, UP_DOWN, UP_UP, Grid, Lengths
from openhours.uptime.intervals.cells import Cells
from openhours.uptime.intervals.gaps import Parts
from openhours.uptime.intervals.rates import BY_SHARE, GRID

_MOMENT_BITS, _LOG_BITS = 36, 30  # see cells.py
# No logarithm is less: its exponential is nothing, and sums of them stay numbers.
_NEVER = -100.0


class _Never(NamedTuple):
    """Never down, or never up: not where a poll of some `kinds` says otherwise.

    How likely the ends of a piece are, the rate that would end it, and the table for whole gaps.
    """

    kinds: tuple[int, ...]
    ends: Callable[[Grid, Int64, Lengths], Float64]
    rate: Float64
    table: Float64


@cache
def _moments() -> Float64:
    """Return the table of mean and variance."""
    kind, hours = cells.nodes()
    none = np.zeros_like(hours)
    mean, variance = bridge.up_time(BY_SHARE, kind, Lengths(none, hours, none))
    mean = mean - (cells.lean(kind) * hours)[:, None]
    return cells.table(np.hstack((mean, variance)), _MOMENT_BITS)


@cache
def _extremes() -> tuple[_Never, _Never]:
    """Return never down and never up."""
    kind, hours = cells.nodes()
    none = np.zeros_like(hours)

    def never(
        kinds: tuple[int, ...], ends: Callable[[Grid, Int64, Lengths], Float64], rate: Float64
    ) -> _Never:
        likely = ends(BY_SHARE, kind, Lengths(none, hours, none))
        logs = np.log(np.maximum(likely, np.exp(_NEVER))) - rate * hours[:, None]
        return _Never(kinds, ends, rate, cells.table(logs, _LOG_BITS))

    return (
        never((UP_DOWN, DOWN_DOWN, DOWN), bridge.up_at_ends, GRID.speed * (1.0 - GRID.up)),
        never((UP_DOWN, UP_UP, UP), bridge.down_at_ends, GRID.speed * GRID.up),
    )


class Window:
    """The whole gaps and the pieces of gaps of each store in one window."""

    def __init__(self, whole: Cells, parts: Parts) -> None:
        self._whole, self._parts = whole, parts
        self._maybe = [~whole.having(never.kinds) for never in _extremes()]

    def moments(self, stores: Int64, weights: Float64) -> Float64:
        """Return mean (h) and square (h²) of up time, and how likely it is all or nothing: (4, n).

        `weights` (n, POINTS) say how likely each point of the grid is for each of the n stores.
        """
        mean, square = np.hsplit(self._whole.times(stores, _moments()), 2)
        mean += self._whole.lean[stores, None]
        for of, kind, lengths in self._pieces(stores):
            value = bridge.up_time(BY_SHARE, kind, lengths)
            mean[of] += value.mean
            square[of] += value.variance
        square += mean * mean
        found = np.zeros((4, len(stores)))
        found[0], found[1] = (mean * weights).sum(axis=1), (square * weights).sum(axis=1)
        for n, (never, maybe) in enumerate(zip(_extremes(), self._maybe, strict=True)):
            some = np.flatnonzero(maybe[stores])
            if len(some):
                likely = self._likely(stores[some], never)
                found[2 + n, some] = (likely * weights[some]).sum(axis=1)
        return found

    def _likely(self, stores: Int64, never: _Never) -> Float64:
        """Return how likely it is never down, or never up, at each point: (n, POINTS)."""
        logs = self._whole.times(stores, never.table)
        ends = np.ones_like(logs)
        for of, kind, lengths in self._pieces(stores):
            logs[of] -= lengths.piece[:, None] * never.rate
            ends[of] *= never.ends(BY_SHARE, kind, lengths)
        likely: Float64 = np.exp(logs) * ends
        return likely

    def _pieces(self, stores: Int64) -> Iterator[tuple[Int64, Int64, Lengths]]:
        """Yield pieces, one of each store at a time, for their order decides the last bit.

        Positions of the stores, the pieces' kinds and lengths.
        """
        parts = self._parts
        first = np.searchsorted(parts.store, stores)
        count = np.searchsorted(parts.store, stores, side="right") - first
        for n in range(count.max(initial=0)):
            of = np.flatnonzero(count > n)
            at = first[of] + n
            yield of, parts.kind[at], Lengths(*(hours[at] for hours in parts.lengths))
