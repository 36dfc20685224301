"""The pieces of a store's time line: [start, end) of open time, each with one status and reason."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from openhours.reports.filling import FillRules
from openhours.reports.slices import Slice
from openhours.stores.queries import StoredCorrection
from openhours.stores.tables import POLLED
from openhours.uptime.axis import Bool, Int64
from openhours.uptime.fill import Observations
from openhours.uptime.hours import Intervals
from openhours.uptime.segments import NO_SOURCE, Filled, Segments

Rule = Literal[
    "nearest",
    "previous",
    "first",
    "inherited",
    "inherited_later",
    "corrected",
    "unknown",
    "beating",
    "silent",
]


@dataclass(frozen=True)
class Piece:
    """[start, end) of open time in µs UTC, with one status for one reason.

    `source` is the position of the observation that gives the status, -1 if none does; `rule` is
    how it gives it.
    """

    start: int
    end: int
    active: bool
    measured: bool
    source: int
    rule: Rule

    @property
    def length(self) -> int:
        """Return how long it is, in µs."""
        return self.end - self.start


def cut_pieces(
    observations: Observations, part: Slice, rules: FillRules, opened: Intervals, filled: Filled
) -> list[Piece]:
    """Cut the segments, one for each poll, where they stop being observed."""
    segments = filled.segments
    start, end, of, measured = _cut(segments, filled.unobserved)
    pieces = []
    # An opening may have begun before the lookback: nothing is told of that part.
    start = np.maximum(start, part.as_of - part.lookback)
    place = np.searchsorted(opened.start, start, side="right") - 1
    for n in np.flatnonzero(start < end):
        piece = Piece(
            start=int(start[n]),
            end=int(end[n]),
            active=bool(segments.active[of[n]]),
            measured=bool(measured[n]),
            source=int(segments.source[of[n]]),
            rule="unknown",
        )
        opening = int(opened.start[place[n]]), int(opened.end[place[n]])
        rule = _rule(piece, opening, observations, part.feed, rules)
        pieces.append(replace(piece, rule=rule))
    return pieces


def corrected(piece: Piece, corrections: Sequence[StoredCorrection]) -> Piece:
    """Return a piece as the corrections that reach over it leave it."""
    decided = any(one.start <= piece.start and piece.end <= one.end for one in corrections)
    return replace(piece, rule="corrected") if decided else piece


def _cut(segments: Segments, unobserved: Segments) -> tuple[Int64, Int64, Int64, Bool]:
    """Cut segments where they stop being observed.

    Return start, end, the segment's position and whether it is measured, of each part.
    """
    edges = np.unique(
        np.concatenate((segments.start, segments.end, unobserved.start, unobserved.end))
    )
    of = np.searchsorted(segments.start, edges[:-1], side="right") - 1
    inside = (of >= 0) & (edges[:-1] < segments.end[of]) if len(segments.start) else of >= 0
    start, end, of = edges[:-1][inside], edges[1:][inside], of[inside]
    near = np.searchsorted(unobserved.start, start, side="right") - 1
    measured = np.ones(len(start), np.bool_)
    some = near >= 0
    measured[some] = start[some] >= unobserved.end[near[some]]
    return start, end, of, measured


def _rule(
    piece: Piece, opening: tuple[int, int], observations: Observations, feed: str, rules: FillRules
) -> Rule:
    if feed != POLLED:
        return "beating" if piece.active else "silent"
    if piece.source == NO_SOURCE:
        return "unknown"
    at = int(observations.at[piece.source])
    if at < opening[0]:
        return "inherited"
    if at >= opening[1]:
        return "inherited_later"
    if rules.interpolation == "previous":
        return "previous" if piece.start >= at else "first"
    return "nearest"
