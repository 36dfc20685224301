"""One store's time line: what its figures are made of, piece by piece.

Its columns are read as a report reads them and filled by the same functions, so the pieces add up
to the report's figures. A piece ends where the status may change or where it stops being measured:

    polls     A        A                    I
    status    |uuuuuuuuuuuuuuuuuuu|ddddddddddddddd|
    pieces    |mmmm|mmmmm|fffffff|fffff|mmmmm|mmmm|   m: measured, f: filled
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal, NamedTuple

import asyncpg
import numpy as np

from openhours.errors import NotFound
from openhours.reports.columns import Columns, Slice, read_slice
from openhours.reports.partition import Filling, fill
from openhours.stores.tables import POLLED
from openhours.uptime.axis import Bool, Int64
from openhours.uptime.fill import Observations
from openhours.uptime.hours import Intervals, WeekHours, open_time
from openhours.uptime.segments import NO_SOURCE, Filled, Segments
from openhours.uptime.totals import Figures, figures

Rule = Literal[
    "nearest", "previous", "first", "inherited", "inherited_later", "unknown", "beating", "silent"
]


class HoursRow(NamedTuple):
    """A row of business hours; `day` 0 is Monday, times in µs since local midnight."""

    day: int
    opens: int
    closes: int


@dataclass(frozen=True)
class Asked:
    """As of when, and by which rules. Feeds look back from their own T (µs); None: no poll yet."""

    as_of_polled: int | None
    as_of_beating: int
    lookback: int
    default_timezone: str
    filling: Filling


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


@dataclass(frozen=True)
class Timeline:
    """A store from T - lookback to T, in µs UTC. `observations` holds those outside hours, too.

    `opened` are its open intervals, neither cut at T nor at the lookback; `row_opened` are those
    of each row of `hours` by itself. `figures` are those a report as of T would give it, None when
    it would have no row.
    """

    number: int
    store_id: str
    feed: str | None
    zone: str
    zone_is_default: bool
    as_of: int
    asked: Asked
    hours: Sequence[HoursRow]
    opened: Intervals
    row_opened: Intervals
    observations: Observations
    pieces: Sequence[Piece]
    known: bool
    figures: Figures | None

    @property
    def since(self) -> int:
        return self.as_of - self.asked.lookback

    def hours_at(self, instant: int) -> list[HoursRow]:
        """The rows of business hours by which the store is open at the instant."""
        rows = self.row_opened
        of = rows.store[(rows.start <= instant) & (instant < rows.end)]
        return [self.hours[row] for row in dict.fromkeys(of.tolist())]

    def opening_at(self, instant: int) -> tuple[int, int] | None:
        """The open interval that holds the instant."""
        place = int(np.searchsorted(self.opened.start, instant, side="right")) - 1
        if place < 0 or instant >= self.opened.end[place]:
            return None
        return int(self.opened.start[place]), int(self.opened.end[place])

    def piece_at(self, instant: int) -> Piece | None:
        """The piece that holds the instant; None when nothing counts there."""
        return next((piece for piece in self.pieces if piece.start <= instant < piece.end), None)

    def within(self, start: int, end: int) -> list[Piece]:
        """The pieces that meet [start, end), cut to it."""
        return [
            replace(piece, start=max(piece.start, start), end=min(piece.end, end))
            for piece in self.pieces
            if piece.start < end and piece.end > start
        ]


async def read_timeline(
    connection: "asyncpg.Connection[Any]", store_id: str, asked: Asked
) -> Timeline:
    """Read and fill one store, in one snapshot. Raise NotFound."""
    async with connection.transaction(isolation="repeatable_read", readonly=True):
        store = await connection.fetchrow(
            "SELECT id, store_id, feed, timezone FROM stores WHERE store_id = $1", store_id
        )
        if store is None:
            raise NotFound("no store has this id")
        as_of = asked.as_of_polled if store["feed"] == POLLED else asked.as_of_beating
        part = Slice(
            feed=store["feed"] or POLLED,
            as_of=asked.as_of_beating if as_of is None else as_of,
            lookback=asked.lookback,
            first=store["id"],
            last=store["id"],
            only=[store["id"]],
            default_timezone=asked.default_timezone,
        )
        columns = await read_slice(connection, part)
        rows = await connection.fetch(
            "SELECT day, opens, closes FROM business_hours WHERE store = $1 ORDER BY 1, 2, 3",
            store["id"],
        )
    hours = [HoursRow(*row) for row in rows]
    zone = store["timezone"] or asked.default_timezone
    return build_timeline(dict(store), zone, hours, columns, part, asked)


def build_timeline(
    store: dict[str, Any],
    zone: str,
    hours: Sequence[HoursRow],
    columns: Columns,
    part: Slice,
    asked: Asked,
) -> Timeline:
    """The time line of a store as read: its row, its hours, and its columns, empty or of one store.

    `part` is the slice that the columns are of.
    """
    pieces: list[Piece] = []
    totals = None
    opened = _opened(zone, hours, part, together=True)
    if len(columns.ids):
        opened, filled = fill(columns, part, asked.filling)
        totals = figures(filled, part.as_of)
        pieces = _pieces(columns, part, asked.filling, opened, filled)
    return Timeline(
        number=store["id"],
        store_id=store["store_id"],
        feed=store["feed"],
        zone=zone,
        zone_is_default=store["timezone"] is None,
        as_of=part.as_of,
        asked=asked,
        hours=hours,
        opened=opened,
        row_opened=_opened(zone, hours, part, together=False),
        observations=columns.observations,
        pieces=pieces,
        known=totals is not None and bool(totals.known[0]),
        figures=totals,
    )


def _opened(zone: str, hours: Sequence[HoursRow], part: Slice, *, together: bool) -> Intervals:
    """The open intervals of the store or, not together, of each row as if it were a store."""
    count = 1 if together else len(hours)
    of = np.zeros(len(hours), np.int64) if together else np.arange(count)
    day, opens, closes = (np.array([row[column] for row in hours], np.int64) for column in range(3))
    rows = WeekHours(of, day, opens, closes)
    zones = np.zeros(count, np.int64)
    return open_time(rows, zones, [zone], part.as_of - part.lookback, part.as_of)


def _pieces(
    columns: Columns, part: Slice, filling: Filling, opened: Intervals, filled: Filled
) -> list[Piece]:
    observations = columns.observations
    segments = filled.segments
    if part.feed == POLLED:
        # As if each poll differed from its neighbours: then the kernel merges none of them.
        apart = replace(observations, active=np.arange(len(observations.at)) % 2 == 0)
        segments = fill(replace(columns, observations=apart), part, filling)[1].segments
    start, end, of, measured = _cut(segments, filled.unobserved)
    pieces = []
    # An opening may have begun before the lookback: nothing is told of that part.
    start = np.maximum(start, part.as_of - part.lookback)
    place = np.searchsorted(opened.start, start, side="right") - 1
    for n in np.flatnonzero(start < end):
        source = int(segments.source[of[n]])
        active = bool(observations.active[source]) if source != NO_SOURCE else False
        piece = Piece(int(start[n]), int(end[n]), active, bool(measured[n]), source, "unknown")
        opening = int(opened.start[place[n]]), int(opened.end[place[n]])
        rule = _rule(piece, opening, observations, part.feed, filling)
        pieces.append(replace(piece, rule=rule))
    return pieces


def _cut(segments: Segments, unobserved: Segments) -> tuple[Int64, Int64, Int64, Bool]:
    """The segments cut where they stop being measured: start, end, of which segment, measured?"""
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
    piece: Piece, opening: tuple[int, int], observations: Observations, feed: str, filling: Filling
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
    if filling.interpolation == "previous":
        return "previous" if piece.start >= at else "first"
    return "nearest"


def deciding(timeline: Timeline, piece: Piece) -> list[int]:
    """The positions of the observations that give a piece its status and its bounds, in order."""
    at = timeline.observations.at
    if timeline.feed != POLLED:
        before = int(np.searchsorted(at, piece.start, side="right")) - 1
        last = int(np.searchsorted(at, piece.end)) - 1
        after = last + 1 if not piece.active else last
        return sorted({n for n in (before, piece.source, last, after) if 0 <= n < len(at)})
    if piece.source == NO_SOURCE:
        return []
    opening = timeline.opening_at(piece.start)
    if opening is None or piece.rule in ("inherited", "inherited_later"):
        return [piece.source]
    near = (piece.source - 1, piece.source, piece.source + 1)
    return [n for n in near if 0 <= n < len(at) and opening[0] <= at[n] < opening[1]]
