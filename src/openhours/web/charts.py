"""Geometry of the charts that templates draw as SVG, in units of their view boxes."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from itertools import pairwise

import numpy as np

from openhours.reports.explain import explain_block, explain_instant
from openhours.reports.pieces import Piece
from openhours.reports.timeline import Timeline
from openhours.stores.tables import BEATING
from openhours.times import DAY, HOUR, from_us, iso, local_time, to_days
from openhours.uptime.clocks import to_utc
from openhours.web.formatting import hours, short_date
from openhours.web.local_time import midnights

WIDTH = 1000.0
# Heartbeats closer than this cannot be told apart.
_DOT = 3.0


@dataclass(frozen=True)
class Mark:
    """Part of a day: where it is drawn, its CSS classes, and its text. `asked`: see `week_of`."""

    x: float
    width: float
    kind: str
    at: str = ""
    text: str = ""
    asked: bool = False


@dataclass(frozen=True)
class Day:
    """Local day of a store. `dots` are SVG paths of points, by kind; `ticks` x and hour.

    `why` tells of the instant that `week_of` was asked about, empty if it is on another day.
    """

    label: str
    date: str
    offset_changes: bool
    opened: list[Mark]
    marks: list[Mark]
    dots: dict[str, str]
    ticks: list[tuple[float, str]]
    summary: str
    why: str


def kind_of(piece: Piece, feed: str | None) -> str:
    """Return the CSS classes of a piece. That a PC is on is neither good nor bad."""
    if piece.rule == "unknown":
        return "unknown"
    if feed == BEATING:
        return "on" if piece.active else "off"
    return f"{'up' if piece.active else 'down'}{'' if piece.measured else ' filled'}"


def week_of(timeline: Timeline, begins: int, ends: int, at: int | None = None) -> list[Day]:
    """Return the local days that [begins, ends) overlaps, newest first.

    `at` (µs) is an instant that is asked about.
    """
    first = local_time(begins, timeline.zone).date()
    last = local_time(ends - 1, timeline.zone).date()
    count = (last - first).days + 2
    dates = [first + timedelta(days=n) for n in range(count)]
    days = [
        _Drawing(timeline, start, end, begins, ends).day(at)
        for start, end in pairwise(midnights(dates, timeline.zone))
        if start < end  # a zone may have skipped a day
    ]
    return days[::-1]


def joined(timeline: Timeline, pieces: Sequence[Piece]) -> list[list[Piece]]:
    """Return the pieces in blocks of those that only their polls tell apart."""

    def alike(one: Piece, other: Piece) -> bool:
        return (
            one.end == other.start
            and (one.active, one.measured, one.rule) == (other.active, other.measured, other.rule)
            and one.rule in ("nearest", "previous")
            and timeline.hours_at(one.start) == timeline.hours_at(other.start)
        )

    blocks: list[list[Piece]] = []
    for piece in pieces:
        if blocks and alike(blocks[-1][-1], piece):
            blocks[-1].append(piece)
        else:
            blocks.append([piece])
    return blocks


class _Drawing:
    """One local day [start, end), of which [begins, ends) is drawn."""

    def __init__(self, timeline: Timeline, start: int, end: int, begins: int, ends: int) -> None:
        self.timeline = timeline
        self.start, self.end = start, end
        self.begins, self.ends = max(start, begins), min(end, ends)

    def day(self, at: int | None) -> Day:
        date = local_time(self.start, self.timeline.zone)
        pieces = self.timeline.within(self.begins, self.ends)
        asked = at if at is not None and self.begins <= at < self.ends else None
        marks = [self._block(block, asked) for block in joined(self.timeline, pieces)]
        why = "" if asked is None else explain_instant(self.timeline, asked)
        return Day(
            label=short_date(date),
            date=f"{date:%Y-%m-%d}",
            offset_changes=self.end - self.start != DAY,
            opened=self._opened(self.start, self.end),
            marks=marks,
            dots=self._dots(),
            ticks=self._ticks(),
            summary=self._summary(pieces),
            why=next((mark.text for mark in marks if mark.asked), why),
        )

    def _x(self, instant: int) -> float:
        return round((instant - self.start) / (self.end - self.start) * WIDTH, 2)

    def _mark(self, start: int, end: int, kind: str, text: str = "") -> Mark:
        x = self._x(start)
        return Mark(x, round(self._x(end) - x, 2), kind, iso(from_us(start)), text)

    def _block(self, pieces: list[Piece], asked: int | None) -> Mark:
        start, end = pieces[0].start, pieces[-1].end
        mark = self._mark(
            start,
            end,
            kind_of(pieces[0], self.timeline.feed),
            explain_block(self.timeline, pieces),
        )
        return replace(mark, asked=asked is not None and start <= asked < end)

    def _opened(self, begins: int, ends: int) -> list[Mark]:
        opened = self.timeline.opened
        return [
            self._mark(max(start, begins), min(end, ends), "open")
            for start, end in zip(opened.start.tolist(), opened.end.tolist(), strict=True)
            if start < ends and end > begins
        ]

    def _dots(self) -> dict[str, str]:
        observations, opened = self.timeline.observations, self.timeline.opened
        first, beyond = np.searchsorted(observations.at, (self.begins, self.ends))
        at = observations.at[first:beyond]
        active = observations.active[first:beyond]
        place = np.searchsorted(opened.start, at, side="right") - 1
        counts = np.zeros(len(at), np.bool_)
        some = place >= 0
        counts[some] = at[some] < opened.end[place[some]]
        groups = (
            ("on" if self.timeline.feed == BEATING else "up", counts & active),
            ("down", counts & ~active),
            ("off", ~counts),
        )
        return {kind: self._points(at[which].tolist()) for kind, which in groups if which.any()}

    def _points(self, instants: list[int]) -> str:
        points: list[float] = []
        for instant in instants:
            x = self._x(instant)
            if not points or x - points[-1] >= _DOT:
                points.append(x)
        return "".join(f"M{x:g} 34h.01" for x in points)

    def _ticks(self) -> list[tuple[float, str]]:
        date = local_time(self.start, self.timeline.zone).date()
        midnight = to_days(date) * DAY
        wall = np.array([midnight + hour * HOUR for hour in (6, 12, 18)], np.int64)
        at = to_utc(wall, self.timeline.zone).tolist()
        return [(self._x(t), f"{hour:02d}") for t, hour in zip(at, (6, 12, 18), strict=True)]

    def _summary(self, pieces: list[Piece]) -> str:
        if not pieces:
            return "no data" if self._opened(self.begins, self.ends) else "closed"
        if pieces[0].rule == "unknown":
            return "unknown"
        up = sum(piece.length for piece in pieces if piece.active)
        down = sum(piece.length for piece in pieces if not piece.active)
        on, off = ("on", "off") if self.timeline.feed == BEATING else ("up", "down")
        return f"{hours(up)} {on}" + (f", {hours(down)} {off}" if down else "")
