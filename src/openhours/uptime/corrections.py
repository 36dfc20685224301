"""Corrections: what people say about stretches of the past, laid over segments.

They change what is counted, not what was filled. Where several meet, the one made last decides:

    filled       |uuuuuuuuuuuuuuuuuuuuuddddddddddd|
    made first          |---down---|
    made last                   |-excluded-|
    corrected    |uuuuuuuddddddddd          dddddd|
"""

from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise
from typing import Literal, NamedTuple

import numpy as np

from openhours.uptime.axis import Axis, Bool, Int64
from openhours.uptime.segments import NO_SOURCE, Filled, Segments

TreatAs = Literal["excluded", "up", "down"]


class Correction(NamedTuple):
    """[start, end) in µs UTC counts as `treat_as`."""

    start: int
    end: int
    treat_as: TreatAs


def correct(filled: Filled, corrections: Sequence[Correction], covers: Bool) -> Filled:
    """Lay corrections over what was filled, once.

    `corrections` are in the order in which they were made; `covers` (corrections, stores) says of
    which stores each speaks. Corrected time counts as observed; a store that is not known stays so.
    """
    decided = decide(corrections, covers)
    if not len(decided.start):
        return filled
    parts, by = cut(filled.segments, decided, len(filled.known))
    unobserved, unobserved_by = cut(filled.unobserved, decided, len(filled.known))
    touched = by >= 0
    status = decided.active[by] & filled.known[parts.store]
    kept = replace(
        parts,
        active=np.where(touched, status, parts.active),
        source=np.where(touched, NO_SOURCE, parts.source),
    )
    excluded = touched & decided.excluded[by]
    return Filled(
        _some(kept, ~excluded),
        _some(unobserved, unobserved_by < 0),
        _some(parts, touched),
        filled.known,
    )


class Decided(NamedTuple):
    """Stretches that corrections decide, sorted by (store, start), disjoint: (n,) each."""

    store: Int64
    start: Int64
    end: Int64
    excluded: Bool
    active: Bool


def decide(corrections: Sequence[Correction], covers: Bool) -> Decided:
    """Return what decides where; the arguments are those of `correct`."""
    # Worked out once for all stores with the same corrections.
    sets, which = np.unique(covers, axis=1, return_inverse=True)
    which = which.ravel()
    rows: list[tuple[Int64, Int64]] = []
    for n, chosen in enumerate(sets.T):
        stretches = _stretches([corrections[k] for k in np.flatnonzero(chosen).tolist()])
        stores = np.flatnonzero(which == n)
        rows.append((np.repeat(stores, len(stretches)), np.tile(stretches, (len(stores), 1))))
    store = np.concatenate([of for of, _ in rows])
    columns = np.concatenate([columns for _, columns in rows])
    order = np.argsort(store, kind="stable")
    start, end, excluded, active = columns[order].T
    return Decided(store[order], start, end, excluded.astype(np.bool_), active.astype(np.bool_))


def _stretches(corrections: Sequence[Correction]) -> Int64:
    """Return (n, 4) of one store, ascending: start, end, is excluded, is up."""
    edges = sorted({edge for one in corrections for edge in (one.start, one.end)})
    rows = []
    for start, end in pairwise(edges):
        covering = [one for one in corrections if one.start <= start and end <= one.end]
        if covering:
            treat_as = covering[-1].treat_as
            rows.append((start, end, treat_as == "excluded", treat_as == "up"))
    return np.array(rows, np.int64).reshape(-1, 4)


def cut(segments: Segments, decided: Decided, stores: int) -> tuple[Segments, Int64]:
    """Cut segments at the edges of what is decided; of each part, what decides it, or -1.

    segments   |-----------|    |------|
    decided        |--0--|   |-1-|
    parts      |---|-----|-|    |-|----|
    by          -1    0   -1     1  -1
    """
    if not len(segments.start):
        return segments, np.empty(0, np.int64)
    axis = Axis(int(segments.start.min()), int(segments.end.max()), stores)
    begins, ends = (axis.keys(segments.store, at) for at in (segments.start, segments.end))
    since, until = (axis.keys(decided.store, at) for at in (decided.start, decided.end))
    edges = np.unique(np.concatenate((begins, ends, since, until)))
    of = np.searchsorted(begins, edges[:-1], side="right") - 1
    inside = (of >= 0) & (edges[:-1] < ends[of])
    start, end, of = edges[:-1][inside], edges[1:][inside], of[inside]
    by = np.searchsorted(since, start, side="right") - 1
    by = np.where((by >= 0) & (start < until[by]), by, -1)
    store, starts = axis.split(start)
    return (
        Segments(store, starts, axis.split(end)[1], segments.active[of], segments.source[of]),
        by,
    )


def _some(segments: Segments, which: Bool) -> Segments:
    return Segments(*(column[which] for column in vars(segments).values()))
