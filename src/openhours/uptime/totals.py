"""Segments x windows -> figures."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from openhours.uptime.axis import Axis, Bool, Int64
from openhours.uptime.segments import Filled, Segments
from openhours.uptime.windows import Bounds


@dataclass(frozen=True)
class Figures:
    """Time in µs, (windows, stores) each; `known` (stores,).

    `open` is all that counts, `up` its active part, `observed` its part with an observation near
    enough. `up` means nothing (it is 0) for stores that are not known.
    `corrected` is the open time that corrections took out of `open`, or decided.
    """

    open: Int64
    up: Int64
    observed: Int64
    corrected: Int64
    known: Bool


def figures(filled: Filled, bounds: Bounds) -> Figures:
    """Sum up the windows of all stores."""
    (open_, up), (unobserved, _), (corrected, _) = within(
        (filled.segments, filled.unobserved, filled.corrected), bounds
    )
    return Figures(open_, up, open_ - unobserved, corrected, filled.known)


def within(several: Sequence[Segments], bounds: Bounds) -> list[Int64]:
    """Return how much of segments, all and active, lies in windows: (2, windows, stores) each."""
    # The days of a month share most of their edges.
    rows = [*bounds.start, *bounds.end]
    different = {row.tobytes(): row for row in rows}
    edges = np.array(list(different.values()), np.int64)
    edges = edges.reshape(len(different), bounds.start.shape[1])
    place = {row: n for n, row in enumerate(different)}
    start, end = np.split(np.array([place[row.tobytes()] for row in rows], np.int64), 2)
    return [
        passed[:, end] - passed[:, start]
        for passed in (_passed(segments, edges) for segments in several)
    ]


def _passed(segments: Segments, edges: Int64) -> Int64:
    """Return how much of the segments, all and active, precedes the edges (edges, stores)."""
    passed = np.zeros((2, *edges.shape), np.int64)
    if len(segments.start) and edges.size:
        elapsed = Elapsed(segments, int(edges.min()), int(edges.max()), edges.shape[1])
        store = np.arange(edges.shape[1])
        for n, edge in enumerate(edges):
            passed[:, n] = elapsed.before(store, edge)
    return passed


class Elapsed:
    """How much of segments, some or none, lies before an instant in [first, last] (µs).

        segments   |---a---|    |----b----|
        instant                      ^         a + b, less what of b is still to come

    The segments of all stores before count, too: differences between instants of one store mean
    something.
    """

    def __init__(self, segments: Segments, first: int, last: int, stores: int) -> None:
        # One before the first instant for all that begin earlier.
        self._axis = Axis(first - 1, last, stores)
        self._begins = self._axis.keys(segments.store, segments.start)
        self._segments = segments
        lengths = segments.end - segments.start
        self._all = np.append(0, np.cumsum(lengths))
        self._active = np.append(0, np.cumsum(lengths * segments.active))

    def before(self, store: Int64, at: Int64) -> Int64:
        """Return how much of all segments, and of the active ones, precedes `at`: (2, n)."""
        segments = self._segments
        begun = np.searchsorted(self._begins, self._axis.keys(store, at))
        if not len(segments.start):
            return np.zeros((2, len(at)), np.int64)
        last = begun - 1
        of_store = (begun > 0) & (segments.store[last] == store)
        to_come = np.where(of_store, np.maximum(segments.end[last] - at, 0), 0)
        return np.stack(
            (self._all[begun] - to_come, self._active[begun] - to_come * segments.active[last])
        )
