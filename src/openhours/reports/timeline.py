"""One store's time line: what its figures are made of, piece by piece.

Its columns are read as a report reads them and filled by the same functions, so the pieces add up
to the report's figures. A piece ends where the status may change or where it stops being measured:

    polls     A        A                    I
    status    |uuuuuuuuuuuuuuuuuuu|ddddddddddddddd|
    pieces    |mmmm|mmmmm|fffffff|fffff|mmmmm|mmmm|   m: measured, f: filled
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np

from openhours.reports.columns import Columns
from openhours.reports.filling import FillRules, counted_polls, fill, find_outages, those_that_count
from openhours.reports.pieces import Piece, corrected, cut_pieces
from openhours.reports.slices import Slice
from openhours.stores.queries import StoredCorrection
from openhours.stores.tables import POLLED
from openhours.uptime.dates import ALWAYS, EVERY, NO_ROW, THURSDAY, SpecialHours, WeekHours
from openhours.uptime.fill import Observations
from openhours.uptime.hours import Intervals, RowIntervals, open_by_rows, row_intervals
from openhours.uptime.outages import Outages
from openhours.uptime.segments import NO_SOURCE
from openhours.uptime.totals import Figures, figures
from openhours.uptime.windows import DEFAULT_WINDOWS, Window, bounds


class HoursRow(NamedTuple):
    """A row of business hours; `day` 0 is Monday, times in µs since local midnight, or CLOSED.

    Of the week with `valid_from`, in days since 1970-01-01, or ALWAYS; of special hours with their
    `date`. `every` says that these are the special hours of every store.
    """

    day: int
    opens: int
    closes: int
    valid_from: int = ALWAYS
    date: int | None = None
    every: bool = False


class StoreRow(NamedTuple):
    """A row of `stores`, without its first observation."""

    id: int
    store_id: str
    feed: str | None
    timezone: str | None


@dataclass(frozen=True)
class TimelineQuery:
    """As of when and by which rules a time line is made.

    Each feed looks back from its own T (µs UTC); `as_of_polled` is None when there is no poll yet.
    `lookback` (µs) is that of the settings, `windows` are those that figures are of.
    """

    as_of_polled: int | None
    as_of_beating: int
    lookback: int
    default_timezone: str
    rules: FillRules
    windows: Sequence[Window] = DEFAULT_WINDOWS


@dataclass(frozen=True)
class Timeline:
    """A store from T - lookback to T, in µs UTC. `observations` holds those outside hours, too.

    `opened` are its open intervals, neither cut at T nor at the lookback; `row_opened` are those
    of each row of `hours`, then of `special`, by itself. `figures` are those a report as of T would
    give it, None when it would have no row; `outages` are all of the lookback.
    """

    store_pk: int
    store_id: str
    feed: str | None
    zone: str
    zone_is_default: bool
    as_of: int
    lookback: int
    query: TimelineQuery
    hours: Sequence[HoursRow]
    special: Sequence[HoursRow]
    opened: Intervals
    row_opened: RowIntervals
    observations: Observations
    pieces: Sequence[Piece]
    corrections: Sequence[StoredCorrection]
    known: bool
    figures: Figures | None
    outages: Outages | None

    @property
    def since(self) -> int:
        """Return where the lookback begins, in µs UTC."""
        return self.as_of - self.lookback

    def hours_at(self, instant: int) -> list[HoursRow]:
        """Return the rows of business hours by which the store is open at the instant."""
        rows = self.row_opened
        inside = (rows.start <= instant) & (instant < rows.end) & (rows.row != NO_ROW)
        every = [*self.hours, *self.special]
        return [every[row] for row in np.unique(rows.row[inside]).tolist()]

    def special_on(self, date: int) -> list[HoursRow]:
        """Return the special hours that hold on a local date, in days since 1970-01-01."""
        rows = [row for row in self.special if row.date == date]
        return [row for row in rows if not row.every] or rows

    def week_on(self, date: int) -> list[HoursRow]:
        """Return the rows of the week that are valid on a local date, special dates aside."""
        versions = sorted({row.valid_from for row in self.hours})
        begun = [valid_from for valid_from in versions if valid_from <= date]
        version = (begun or versions or [ALWAYS])[-1 if begun else 0]
        return [row for row in self.hours if row.valid_from == version]

    def correction_at(self, instant: int) -> StoredCorrection | None:
        """Return the correction that decides at the instant, the last one made, or None."""
        return next(
            (one for one in reversed(self.corrections) if one.start <= instant < one.end), None
        )

    def opening_at(self, instant: int) -> tuple[int, int] | None:
        """Return the open interval that holds the instant, or None."""
        place = int(np.searchsorted(self.opened.start, instant, side="right")) - 1
        if place < 0 or instant >= self.opened.end[place]:
            return None
        return int(self.opened.start[place]), int(self.opened.end[place])

    def piece_at(self, instant: int) -> Piece | None:
        """Return the piece that holds the instant, or None when nothing counts there."""
        return next((piece for piece in self.pieces if piece.start <= instant < piece.end), None)

    def within(self, start: int, end: int) -> list[Piece]:
        """Return the pieces that meet [start, end), cut to it."""
        return [
            replace(piece, start=max(piece.start, start), end=min(piece.end, end))
            for piece in self.pieces
            if piece.start < end and piece.end > start
        ]


def build_timeline(
    store: StoreRow, columns: Columns, part: Slice, query: TimelineQuery
) -> Timeline:
    """Return the time line of a store from its columns, which hold this one store.

    `part` is the slice that the columns are of. A store that a report as of T would not have a
    row of has its open time and no pieces.
    """
    columns = replace(columns, hours=_in_order(columns.hours), special=_by_date(columns.special))
    begins, ends = part.as_of - part.lookback, part.as_of
    of_rows = row_intervals(
        columns.hours, columns.special, columns.zone, columns.zones, begins, ends
    )
    opened = open_by_rows(of_rows, 1, begins, ends)
    corrections = [
        one for one, of in zip(columns.corrections, columns.covered[:, 0], strict=True) if of
    ]
    pieces: list[Piece] = []
    totals = found = None
    if store.feed is not None and columns.first_observed[0] <= part.as_of:
        counting = those_that_count(columns, opened)
        counted = counted_polls(columns, counting, part)
        filled = fill(columns, counting, counted, part, query.rules, per_poll=True)
        edges = bounds(query.windows, columns.zone, columns.zones, part.as_of)
        totals = figures(filled, edges)
        found = find_outages(columns, counted, filled, part)
        pieces = cut_pieces(columns.observations, part, query.rules, opened, filled)
        if totals.known[0]:
            pieces = [corrected(piece, corrections) for piece in pieces]
    return Timeline(
        store_pk=store.id,
        store_id=store.store_id,
        feed=store.feed,
        zone=columns.zones[0],
        zone_is_default=store.timezone is None,
        as_of=part.as_of,
        lookback=part.lookback,
        query=query,
        hours=_week_rows(columns.hours),
        special=_special_rows(columns.special),
        opened=opened,
        row_opened=of_rows,
        observations=columns.observations,
        pieces=pieces,
        corrections=corrections,
        known=totals is not None and bool(totals.known[0]),
        figures=totals,
        outages=found,
    )


def _in_order(hours: WeekHours) -> WeekHours:
    """Sort the rows of a store as people read them: by version, day, opening, closing."""
    order = np.lexsort((hours.closes, hours.opens, hours.day, hours.valid_from))
    return WeekHours(*(column[order] for column in vars(hours).values()))


def _by_date(special: SpecialHours) -> SpecialHours:
    order = np.lexsort((special.closes, special.opens, special.date))
    return SpecialHours(*(column[order] for column in vars(special).values()))


def _week_rows(hours: WeekHours) -> list[HoursRow]:
    columns = (hours.day, hours.opens, hours.closes, hours.valid_from)
    return [HoursRow(*row) for row in zip(*(column.tolist() for column in columns), strict=True)]


def _special_rows(special: SpecialHours) -> list[HoursRow]:
    rows = zip(*(column.tolist() for column in vars(special).values()), strict=True)
    return [
        HoursRow((date + THURSDAY) % 7, opens, closes, date=date, every=store == EVERY)
        for store, date, opens, closes in rows
    ]


def deciding(timeline: Timeline, piece: Piece) -> list[int]:
    """Return the positions of the observations that decide a piece's status and bounds."""
    at = timeline.observations.at
    if piece.rule == "corrected":
        return []
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
