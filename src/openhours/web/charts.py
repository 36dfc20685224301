"""Geometry of the charts that templates draw as SVG, in units of their view boxes."""

from dataclasses import dataclass
from datetime import timedelta
from itertools import pairwise

import numpy as np

from openhours.reports.explain import explain_piece
from openhours.reports.pieces import Piece
from openhours.reports.tables import Report
from openhours.reports.timeline import Timeline
from openhours.stores.tables import BEATING, POLLED
from openhours.times import DAY, EPOCH, HOUR, from_us, iso, local_time, to_us
from openhours.uptime.clocks import to_utc
from openhours.web.formatting import date_range, hours, percent

WIDTH = 1000.0
# Heartbeats closer than this cannot be told apart.
_DOT = 3.0


@dataclass(frozen=True)
class Mark:
    """Part of a day: where it is drawn, its CSS classes, and its text."""

    x: float
    width: float
    kind: str
    at: str = ""
    text: str = ""


@dataclass(frozen=True)
class Day:
    """Local day of a store. `dots` are SVG paths of points, by kind; `ticks` x and hour."""

    label: str
    date: str
    offset_changes: bool
    opened: list[Mark]
    marks: list[Mark]
    dots: dict[str, str]
    ticks: list[tuple[float, str]]
    summary: str


@dataclass(frozen=True)
class Hour:
    """An hour of a strip: `down` is 0 to 1 of its open time, None where nothing was open."""

    x: float
    down: float | None
    text: str


@dataclass(frozen=True)
class Midnight:
    """Where a local day of a strip begins; its label, empty where there is no room for one."""

    x: float
    label: str


@dataclass(frozen=True)
class Strip:
    """The week before T, hour by hour; `top` is what the scale ends with, in percent.

    `kind` is the CSS class of downtime, `heading` says what is drawn, `summary` what it shows.
    """

    heading: str
    summary: str
    kind: str
    top: int
    hours: list[Hour]
    days: list[Midnight]


# The ends of scales, in percent.
_TOPS = (1, 2, 5, 10, 20, 50, 100)
# No label is nearer to the end of its strip.
_LABEL = 0.08 * WIDTH


def strip_of(report: Report, zone: str) -> Strip | None:
    """Return the week before T: of all polled stores, of PCs if there are none, None of nothing."""
    by_hour = report.by_hour or {}
    feed = POLLED if POLLED in by_hour else BEATING
    as_of = report.as_of_polled if feed == POLLED else report.as_of_beating
    if as_of is None or feed not in by_hour:
        return None
    opened, up = by_hour[feed]
    begins, ends = to_us(as_of) - len(opened) * HOUR, to_us(as_of)
    word = "down" if feed == POLLED else "off"
    width = WIDTH / len(opened)
    hours = []
    for n, (whole, part) in enumerate(zip(opened, up, strict=True)):
        at = local_time(begins + n * HOUR, zone)
        down = (whole - part) / whole if whole else None
        words = f"{percent(whole - part, whole)} of open time {word}" if whole else "nothing open"
        text = f"{at:%a} {at.day} {at:%b}, {at:%H:%M} {zone}, an hour: {words}"
        hours.append(Hour(round(n * width, 2), down, text))
    most = max((hour.down or 0 for hour in hours), default=0)
    every = f"{percent(sum(opened) - sum(up), sum(opened))} of open time {word}"
    dates = date_range(begins, ends, zone)
    return Strip(
        heading=f"{'Downtime' if feed == POLLED else 'Time off'} by hour, {dates}",
        summary=f"{every} in the week, at most {percent(most, 1)} in an hour",
        kind=word,
        top=next(top for top in _TOPS if 100 * most <= top),
        hours=hours,
        days=_midnights(begins, ends, zone),
    )


def _midnights(begins: int, ends: int, zone: str) -> list[Midnight]:
    """Return where the local days in [begins, ends) begin."""
    first = local_time(begins, zone).date()
    dates = [first + timedelta(days=n) for n in range(1, (ends - begins) // DAY + 2)]
    wall = np.array([(date - EPOCH.date()).days * DAY for date in dates], np.int64)
    days = []
    for date, at in zip(dates, to_utc(wall, zone).tolist(), strict=True):
        x = round((at - begins) / (ends - begins) * WIDTH, 2)
        if at < ends:
            days.append(Midnight(x, f"{date:%a} {date.day}" if x < WIDTH - _LABEL else ""))
    return days


def kind_of(piece: Piece, feed: str | None) -> str:
    """Return the CSS classes of a piece. That a PC is on is neither good nor bad."""
    if piece.rule == "unknown":
        return "unknown"
    if feed == BEATING:
        return "on" if piece.active else "off"
    return f"{'up' if piece.active else 'down'}{'' if piece.measured else ' filled'}"


def week_of(timeline: Timeline, begins: int, ends: int) -> list[Day]:
    """Return the local days that [begins, ends) overlaps, newest first."""
    first = local_time(begins, timeline.zone).date()
    last = local_time(ends - 1, timeline.zone).date()
    count = (last - first).days + 2
    dates = [first + timedelta(days=n) for n in range(count)]
    midnights = np.array([(date - EPOCH.date()).days * DAY for date in dates], np.int64)
    instants = to_utc(midnights, timeline.zone).tolist()
    days = [
        _Drawing(timeline, start, end, begins, ends).day()
        for start, end in pairwise(instants)
        if start < end  # a zone may have skipped a day
    ]
    return days[::-1]


class _Drawing:
    """One local day [start, end), of which [begins, ends) is drawn."""

    def __init__(self, timeline: Timeline, start: int, end: int, begins: int, ends: int) -> None:
        self.timeline = timeline
        self.start, self.end = start, end
        self.begins, self.ends = max(start, begins), min(end, ends)

    def day(self) -> Day:
        date = local_time(self.start, self.timeline.zone)
        pieces = self.timeline.within(self.begins, self.ends)
        return Day(
            label=f"{date:%a} {date.day} {date:%b}",
            date=f"{date:%Y-%m-%d}",
            offset_changes=self.end - self.start != DAY,
            opened=self._opened(self.start, self.end),
            marks=[
                self._mark(
                    piece.start,
                    piece.end,
                    kind_of(piece, self.timeline.feed),
                    explain_piece(self.timeline, piece),
                )
                for piece in pieces
            ],
            dots=self._dots(),
            ticks=self._ticks(),
            summary=self._summary(pieces),
        )

    def _x(self, instant: int) -> float:
        return round((instant - self.start) / (self.end - self.start) * WIDTH, 2)

    def _mark(self, start: int, end: int, kind: str, text: str = "") -> Mark:
        x = self._x(start)
        return Mark(x, round(self._x(end) - x, 2), kind, iso(from_us(start)), text)

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
        midnight = (date - EPOCH.date()).days * DAY
        wall = np.array([midnight + hour * HOUR for hour in (6, 12, 18)], np.int64)
        at = to_utc(wall, self.timeline.zone).tolist()
        return [(self._x(t), f"{hour:02d}") for t, hour in zip(at, (6, 12, 18), strict=True)]

    def _summary(self, pieces: list[Piece]) -> str:
        if not pieces:
            return "nothing known" if self._opened(self.begins, self.ends) else "closed"
        if pieces[0].rule == "unknown":
            return "unknown"
        up = sum(piece.end - piece.start for piece in pieces if piece.active)
        down = sum(piece.end - piece.start for piece in pieces if not piece.active)
        on, off = ("on", "off") if self.timeline.feed == BEATING else ("up", "down")
        return f"{hours(up)} {on}" + (f", {hours(down)} {off}" if down else "")
