"""Segments x windows -> figures."""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from openhours.times import DAY, HOUR
from openhours.uptime.axis import Bool, Int64
from openhours.uptime.segments import Filled, Segments


class Window(NamedTuple):
    """[as_of - length, as_of), in µs."""

    name: str
    length: int


WINDOWS = (Window("hour", HOUR), Window("day", DAY), Window("week", 7 * DAY))


@dataclass(frozen=True)
class Figures:
    """Elapsed time in µs, each (windows, stores) in the order of WINDOWS; `known` (stores,).

    `open` is all that counts, `up` its active part, `observed` its part with an observation near
    enough, `up_observed` what is both. `up` means nothing (it is 0) for stores that are not known.
    """

    open: Int64
    up: Int64
    observed: Int64
    up_observed: Int64
    known: Bool


def figures(filled: Filled, as_of: int) -> Figures:
    """Sum up what was filled with the same `as_of` (µs)."""
    stores = len(filled.known)
    open_, up = _sums(filled.segments, as_of, stores)
    unobserved, up_unobserved = _sums(filled.unobserved, as_of, stores)
    return Figures(open_, up, open_ - unobserved, up - up_unobserved, filled.known)


def _sums(segments: Segments, as_of: int, stores: int) -> tuple[Int64, Int64]:
    """Return the length of the segments, and of the active ones: (windows, stores) each."""
    bounds = np.searchsorted(segments.store, np.arange(stores + 1))
    every, active = np.zeros((2, len(WINDOWS), stores), np.int64)
    for window, (_, length) in enumerate(WINDOWS):
        within = np.flatnonzero(segments.end > as_of - length)
        lengths = segments.end[within] - np.maximum(segments.start[within], as_of - length)
        of_store = np.searchsorted(within, bounds)
        every[window] = _by_store(lengths, of_store)
        active[window] = _by_store(lengths * segments.active[within], of_store)
    return every, active


def _by_store(lengths: Int64, bounds: Int64) -> Int64:
    total = np.concatenate(([0], np.cumsum(lengths)))
    return np.diff(total[bounds])
