"""One axis for the instants of all stores, so that one sorted array holds them."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Int64 = NDArray[np.int64]
Bool = NDArray[np.bool_]
Float64 = NDArray[np.float64]


@dataclass(frozen=True)
class Axis:
    """The time lines of all stores, from `first` to `last` (µs, both on it), laid end to end.

        store 0             store 1             store 2
        |first        last| |first        last| |first        last|
        +-----------------+-+-----------------+-+-----------------+--> key

    What is sorted by (store, instant) is sorted by key, so that one np.searchsorted answers for
    every store at once.
    """

    first: int
    last: int
    stores: int

    def __post_init__(self) -> None:
        if self.stores * self._span >= 2**63:
            raise OverflowError(f"{self.stores} stores over {self._span} µs: use fewer at a time")

    @property
    def _span(self) -> int:
        return self.last - self.first + 1

    def keys(self, store: Int64, at: Int64) -> Int64:
        """Return the key of each (store, instant); beyond the axis that of its nearest end."""
        keys: Int64 = store * np.int64(self._span)
        if len(at) and not (self.first <= at.min() and at.max() <= self.last):
            at = np.clip(at, self.first, self.last)
        keys += at
        keys -= self.first
        return keys

    def split(self, keys: Int64) -> tuple[Int64, Int64]:
        """Return the stores and instants of keys."""
        store, since_first = np.divmod(keys, self._span)
        return store, since_first + self.first
