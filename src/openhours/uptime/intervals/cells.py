"""Whole gaps counted by kind and length: sums over many gaps are looked up, not computed for each.

A function of a gap's length is taken as a parabola in each half octave. For its sum over the gaps
there one needs how many they are, and the sums of their places x and x²:

    length   |----------|----------|      f(x) = f0 + f1·x + f2·x²
    x       -1    0     1                 sum of f(x) = f0·n + f1·Σx + f2·Σx²

Octaves begin at 48 minutes, doubled or halved: an hour, and its doubles and halves, lie in the
middle of a half octave, where the parabola is exact. All lengths below 45 s share one.

Places are whole steps of 1/128, and the parabolas' numbers whole multiples of a power of two, so
that sums of their products are sums of whole numbers below 2^53: exact in any order, to the last
bit. Hence BLAS may make them, whose order of adding depends on what else it is given.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from openhours.times import HOUR, MINUTE
from openhours.uptime.axis import Bool, Float64, Int64
from openhours.uptime.intervals.bridge import KINDS
from openhours.uptime.intervals.gaps import Gaps

_UNIT = 48 * MINUTE
_SHORT = _UNIT // 64
_BELOW = 51  # bits of a float below those that tell its half octave
_SHORTEST = (1023 - 6) * 2 - 1  # the number of the half octave before _SHORT
_WIDTH = 64  # half octaves, the first for all that is shorter: up to centuries
_CELLS = KINDS * _WIDTH
_STEPS = 128
# Where a parabola through three places is off by least.
_NODES = np.array([-np.sqrt(0.75), 0.0, np.sqrt(0.75)])
# What of a gap's length is more or less up, by kind: so much is taken as it is, to the µs, and only
# the rest is looked up.
_LEAN = np.array([1.0, 0.5, 0.0, 1.0, 0.0, 1.0])


class Cells(NamedTuple):
    """Gaps by store and cell (kind and half octave), sorted by both: (n,), (n,) and (n, 3).

    `sums` are how many they are, Σx and Σx², x in steps. `lean` (stores,) is the part in h of their
    length that need not be looked up.
    """

    store: Int64
    cell: Int64
    sums: Float64
    lean: Float64

    def times(self, stores: Int64, table: Float64) -> Float64:
        """Return the sums of functions over all gaps of some stores: (n, m); `table` is theirs."""
        first = np.searchsorted(self.store, stores)
        count = np.searchsorted(self.store, stores, side="right") - first
        at = np.arange(count.sum()) + np.repeat(first - (np.cumsum(count) - count), count)
        cell = self.cell[at]
        used = np.flatnonzero(np.bincount(cell, minlength=_CELLS))
        rank = np.zeros(_CELLS, np.int64)
        rank[used] = np.arange(len(used))
        dense = np.zeros((len(stores), len(used), 3))
        dense[np.repeat(np.arange(len(stores)), count), rank[cell]] = self.sums[at]
        width = 3 * len(used)
        found: Float64 = dense.reshape(len(stores), width) @ table[used].reshape(
            width, table.shape[2]
        )
        return found

    def having(self, kinds: Sequence[int]) -> Bool:
        """Return which stores have a gap of one of these kinds."""
        found = np.zeros(len(self.lean), np.bool_)
        is_one = np.isin(np.arange(KINDS), kinds)
        found[self.store[is_one[self.cell // _WIDTH]]] = True
        return found

    def longest(self) -> Int64:
        """Return the half octave of the longest gap of each store."""
        found = np.zeros(len(self.lean), np.int64)
        np.maximum.at(found, self.store, self.cell % _WIDTH)
        return found


class Counter:
    """Counts gaps by cell."""

    def __init__(self, lists: Sequence[Gaps], stores: int) -> None:
        places = [_place(gaps.end - gaps.start) for gaps in lists]
        cells = [gaps.kind * _WIDTH + half for gaps, (half, _) in zip(lists, places, strict=True)]
        occurs = np.zeros(_CELLS, np.int64)
        for cell in cells:
            occurs += np.bincount(cell, minlength=len(occurs))
        self._cells = np.flatnonzero(occurs)
        self._stores = stores
        rank = np.cumsum(occurs > 0) - 1
        width = len(self._cells)
        self._keys = [
            gaps.store * width + rank[cell] for gaps, cell in zip(lists, cells, strict=True)
        ]
        self._store = [gaps.store for gaps in lists]
        self._x = [x for _, x in places]
        self._lean = [_LEAN[gaps.kind] * (gaps.end - gaps.start) for gaps in lists]

    def count(self, chosen: Sequence[Int64 | slice]) -> Cells:
        """Return the cells of the gaps at these positions of each list."""
        key, x, store, lean = (
            np.concatenate([values[at] for values, at in zip(lists, chosen, strict=True)])
            for lists in (self._keys, self._x, self._store, self._lean)
        )
        size = self._stores * len(self._cells)
        number = np.bincount(key, minlength=size)
        used = np.flatnonzero(number)
        x_sums = (np.bincount(key, power, size)[used] for power in (x, x * x))
        sums = np.stack((number[used].astype(np.float64), *x_sums), axis=1)
        of, cell = np.divmod(used, max(1, len(self._cells)))
        # Halves of µs, whole again in hours only when they are summed up.
        hours = np.bincount(store, lean, self._stores) / HOUR
        return Cells(of, self._cells[cell], sums, hours)


def _place(length: Int64) -> tuple[Int64, Float64]:
    """Return the half octave of lengths (µs), and the place in it in steps, -128 to 128."""
    bits = (length / _UNIT).view(np.int64)
    rest = bits & ((1 << _BELOW) - 1)
    half = (bits >> _BELOW) - _SHORTEST
    place = rest * (2.0 * _STEPS / (1 << _BELOW))
    short = half <= 0
    half[short] = 0
    place[short] = length[short] * (2.0 * _STEPS / _SHORT)
    return half, np.rint(place) - _STEPS


def nodes() -> tuple[Int64, Float64]:
    """Return the kind, and the length in h, at the three nodes of each cell: (3 * cells,) each."""
    kind, half = np.divmod(np.arange(_CELLS), _WIDTH)
    start, end = (
        ((half + _SHORTEST + more) << _BELOW).view(np.float64) * (_UNIT / HOUR) for more in (0, 1)
    )
    start = np.where(half == 0, 0.0, start)
    hours = ((start + end)[:, None] + (end - start)[:, None] * _NODES) / 2
    return np.repeat(kind, 3), hours.ravel()


def lean(kind: Int64) -> Float64:
    """Return what part of the length of gaps is not looked up."""
    return _LEAN[kind]


def table(values: Float64, bits: int) -> Float64:
    """Return a table for `Cells.times`, (cells, 3, m), of m functions from `values` at the nodes.

    Sums are whole multiples of 2**-bits.
    """
    left, middle, right = values.reshape(_CELLS, 3, -1).swapaxes(0, 1)
    far = _NODES[2]
    slope, bend = (right - left) / (2 * far), ((right + left) / 2 - middle) / far**2
    numbers = np.stack((middle, slope / _STEPS, bend / _STEPS**2), axis=1)
    return np.rint(numbers * 2.0**bits) * 2.0**-bits
