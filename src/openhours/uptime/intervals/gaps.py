"""Open time -> the gaps between what is known of a store's status, and pieces of them.

An opening falls into gaps at its polls; one without a poll is a gap itself (kinds as in bridge.py):

    polls        A        A            I            closes
    gaps    |-UP-|--UP_UP-|--UP_DOWN---|----DOWN----|
             mirrored

A window has most gaps whole, and pieces of those at its edges. A gap that corrections meet is
broken: what is left of it are pieces, whatever the window is.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from openhours.times import HOUR
from openhours.uptime.axis import Axis, Bool, Int64
from openhours.uptime.corrections import Decided, cut
from openhours.uptime.fill import Counted, Observations
from openhours.uptime.intervals.bridge import (
    DOWN,
    DOWN_DOWN,
    FREE,
    UP,
    UP_DOWN,
    UP_UP,
    Lengths,
)
from openhours.uptime.segments import Segments

_BETWEEN = np.array([DOWN_DOWN, UP_DOWN, UP_DOWN, UP_UP])  # by 2 * up before + up after


@dataclass(frozen=True)
class Gaps:
    """Gaps [start, end) in µs UTC, sorted by (store, start), disjoint, none empty: (n,) each.

    `mirrored`: it is of its kind when looked at from its end.
    """

    store: Int64
    start: Int64
    end: Int64
    kind: Int64
    mirrored: Bool


class Pieces(NamedTuple):
    """[start, end) in µs UTC of gaps, each of the gap at a position: (n,) each."""

    gap: Int64
    start: Int64
    end: Int64


def between_polls(observations: Observations, counted: Counted) -> Gaps:
    """Return the gaps that have a poll at either end."""
    later = np.flatnonzero(counted.together)
    up = observations.active.view(np.int8)
    before, after = up[later - 1], up[later]
    at = observations.at
    return Gaps(
        store=observations.store[later],
        start=at[later - 1],
        end=at[later],
        kind=_BETWEEN[2 * before + after],
        mirrored=before < after,
    )


def at_edges(observations: Observations, counted: Counted) -> Gaps:
    """Return the gaps of which an end is that of an opening, or T."""
    opened, own = counted.intervals, counted.own
    first, last = counted.first[own], counted.beyond[own] - 1
    head_end, tail_start = opened.end.copy(), opened.end.copy()
    head_end[own], tail_start[own] = observations.at[first], observations.at[last]
    head, tail = np.full((2, len(own)), FREE)
    head[own] = np.where(observations.active[first], UP, DOWN)
    tail[own] = np.where(observations.active[last], UP, DOWN)
    start = np.stack((opened.start, tail_start), axis=1).ravel()
    end = np.stack((head_end, opened.end), axis=1).ravel()
    some = start < end
    return Gaps(
        store=np.repeat(opened.store, 2)[some],
        start=start[some],
        end=end[some],
        kind=np.stack((head, tail), axis=1).ravel()[some],
        mirrored=np.stack((own, np.zeros_like(own)), axis=1).ravel()[some],
    )


class Parts(NamedTuple):
    """Pieces of gaps as bridge.py takes them, sorted by store: (n,) each."""

    store: Int64
    kind: Int64
    lengths: Lengths


def parts_of(lists: Sequence[Gaps], pieces: Sequence[Pieces]) -> Parts:
    """Return the pieces of all lists of gaps."""
    store, kind, *hours = (
        np.concatenate(columns) for columns in zip(*map(_columns, lists, pieces), strict=True)
    )
    order = np.argsort(store, kind="stable")
    return Parts(store[order], kind[order], Lengths(*(column[order] for column in hours)))


def _columns(gaps: Gaps, pieces: Pieces) -> tuple[NDArray[Any], ...]:
    """Return store, kind and lengths of pieces, as their gaps' kinds look at them."""
    store, start, end, kind, mirrored = (column[pieces.gap] for column in vars(gaps).values())
    since, until = pieces.start - start, end - pieces.end
    before, after = np.where(mirrored, until, since), np.where(mirrored, since, until)
    return store, kind, before / HOUR, (pieces.end - pieces.start) / HOUR, after / HOUR


class Cuttable:
    """Gaps that windows and corrections cut; nothing in them or in the windows is before `since`.

    `decided` is what corrections say. `since`, `as_of` in µs.
    """

    def __init__(
        self, gaps: Gaps, decided: Decided | None, since: int, as_of: int, stores: int
    ) -> None:
        self.gaps = gaps
        # One before for what begins earlier.
        self._axis = Axis(since - 1, as_of, stores)
        self._begins = self._axis.keys(gaps.store, gaps.start)
        self._ends = self._axis.keys(gaps.store, gaps.end)
        self._is_broken: Bool | None = None
        self._broken = Pieces(*np.empty((3, 0), np.int64))
        if decided is not None:
            self._break(decided, stores)

    def _break(self, decided: Decided, stores: int) -> None:
        since, until = (self._axis.keys(decided.store, at) for at in (decided.start, decided.end))
        first = np.searchsorted(until, self._begins, side="right")
        self._is_broken = np.searchsorted(since, self._ends) > first
        gap = np.flatnonzero(self._is_broken)
        gaps = self.gaps
        whole = Segments(
            gaps.store[gap], gaps.start[gap], gaps.end[gap], np.ones(len(gap), np.bool_), gap
        )
        parts, by = cut(whole, decided, stores)
        left = by < 0
        self._broken = Pieces(parts.source[left], parts.start[left], parts.end[left])

    def within(self, start: Int64, end: Int64) -> tuple[Int64, Pieces]:
        """Return what lies in a window of each store: positions of whole gaps, and pieces.

        `start` and `end` in µs, (stores,).
        """
        stores = np.arange(len(start))
        since, until = self._axis.keys(stores, start), self._axis.keys(stores, end)
        first = np.searchsorted(self._begins, since)
        beyond = np.searchsorted(self._ends, until, side="right")
        count = np.maximum(beyond - first, 0)
        whole = np.arange(count.sum()) + np.repeat(first - (np.cumsum(count) - count), count)
        # What the window's start cuts, what its end cuts, unless it is the same.
        gap = np.concatenate((first - 1, beyond))
        store = np.concatenate((stores, stores))
        some = (gap >= 0) & (gap < len(self._begins))
        some[len(stores) :] &= beyond != first - 1
        gap, store = gap[some], store[some]
        gap = gap[self.gaps.store[gap] == store]
        if self._is_broken is not None:
            whole, gap = (at[~self._is_broken[at]] for at in (whole, gap))
        return whole, self._clipped(gap, start, end)

    def _clipped(self, gap: Int64, start: Int64, end: Int64) -> Pieces:
        """Return what of gaps, and of all that is left of broken ones, lies in the windows."""
        gaps, broken = self.gaps, self._broken
        of = np.concatenate((gap, broken.gap))
        store = gaps.store[of]
        since = np.maximum(np.concatenate((gaps.start[gap], broken.start)), start[store])
        until = np.minimum(np.concatenate((gaps.end[gap], broken.end)), end[store])
        some = since < until
        return Pieces(of[some], since[some], until[some])
