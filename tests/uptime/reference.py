"""What docs/spec.md says, as slowly and plainly as can be: one store, one moment at a time.

Instants are ints, µs since the epoch. A "moment" is doubled, so that the middle of a piece of
time is a whole number too.
"""

from bisect import bisect_left
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from functools import cache
from itertools import groupby, pairwise
from typing import NamedTuple
from zoneinfo import ZoneInfo

import pytz

HOUR = 3_600_000_000
DAY = 24 * HOUR
WINDOWS = (HOUR, DAY, 7 * DAY)
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

Interval = tuple[int, int]
Row = tuple[int, int | None, int | None]  # day, opens, closes
Span = Sequence[int | None]  # opens, closes
Poll = tuple[int, bool]


def instant(when: datetime) -> int:
    return (when - EPOCH) // timedelta(microseconds=1)


@cache
def zone_info(name: str) -> ZoneInfo:
    """pytz's own data, as the standard library understands them."""
    with pytz.open_resource(name) as file:
        return ZoneInfo.from_file(file, key=name)


def to_utc(local: datetime, zone: ZoneInfo) -> int:
    """The first of two, or the first instant after the gap."""

    def wall_clock(at: int) -> datetime:
        return (EPOCH + timedelta(microseconds=at)).astimezone(zone).replace(tzinfo=None)

    readings = {instant(local.replace(tzinfo=zone, fold=fold)) for fold in (0, 1)}
    shown = [at for at in readings if wall_clock(at) == local]
    if shown:
        return min(shown)
    before, after = min(readings), max(readings)
    return before + bisect_left(range(before, after), True, key=lambda at: wall_clock(at) > local)


@dataclass
class Hours:
    """Of a store: versions by the date from which they are valid (None: always), special dates.

    A row's times are None where it says "closed"; `every` are the special dates of all stores.
    """

    rows: Mapping[date | None, Sequence[Row]]
    special: Mapping[date, Sequence[Span]]
    every: Mapping[date, Sequence[Span]]

    def on(self, day: date) -> Sequence[Span]:
        """When the store opens on a date."""
        if day in self.special:
            return self.special[day]
        if day in self.every:
            return self.every[day]
        if not self.rows:
            return [(0, DAY)]
        versions = sorted(self.rows, key=lambda valid_from: valid_from or date.min)
        begun = [valid_from for valid_from in versions if (valid_from or date.min) <= day]
        version = begun[-1] if begun else versions[0]
        return [span for weekday, *span in self.rows[version] if weekday == day.weekday()]


def open_intervals(hours: Hours, zone: str, start: int, end: int) -> list[Interval]:
    """The open intervals that meet [start, end], uncut."""
    first_day = date(1970, 1, 1) + timedelta(days=start // DAY - 4)
    intervals = []
    for n in range((end - start) // DAY + 9):
        day = first_day + timedelta(days=n)
        midnight = datetime.combine(day, datetime.min.time())
        for opens, closes in hours.on(day):
            if opens is None or closes is None:
                continue
            since, until = (
                to_utc(midnight + timedelta(microseconds=at), zone_info(zone))
                for at in (opens, _close(opens, closes))
            )
            if since < until:
                intervals.append((since, until))
    return [(a, b) for a, b in merged(intervals) if b > start and a <= end]


def _close(opens: int, closes: int) -> int:
    if closes >= DAY - 60_000_000:
        closes = DAY
    return closes if closes > opens else closes + DAY


def merged(intervals: list[Interval]) -> list[Interval]:
    union: list[Interval] = []
    for start, end in sorted(intervals):
        if union and start <= union[-1][1]:
            union[-1] = (union[-1][0], max(union[-1][1], end))
        else:
            union.append((start, end))
    return union


class Piece(NamedTuple):
    """Open time with one status."""

    start: int
    end: int
    up: bool
    observed: bool
    corrected: bool = False


@dataclass
class Filled:
    """The pieces of a store's open time, ascending, what was excluded, and what counted."""

    pieces: list[Piece]
    known: bool
    counted: list[Poll]
    excluded: list[Piece] = field(default_factory=list)


def polled(
    polls: list[Poll],
    intervals: list[Interval],
    *,
    as_of: int,
    lookback: int,
    interpolation: str,
    radius: int,
) -> Filled:
    recent = [(at, up) for at, up in sorted(polls) if as_of - lookback <= at <= as_of]
    within = [[(at, up) for at, up in recent if a <= at < b] for a, b in intervals]
    counted = [poll for own in within for poll in own]

    def status(moment: int, which: int) -> bool:
        own, start = within[which], intervals[which][0]
        if own and interpolation == "nearest":
            return min(own, key=lambda poll: (abs(2 * poll[0] - moment), -poll[0]))[1]
        if own:
            return ([own[0]] + [poll for poll in own if 2 * poll[0] <= moment])[-1][1]
        before = [up for at, up in counted if at < start]
        return before[-1] if before else counted[0][1]

    def observed(moment: int, which: int) -> bool:
        return any(abs(2 * at - moment) <= 2 * radius for at, _ in within[which])

    ats = [at for at, _ in recent]
    edges = [at + shift for at in ats for shift in (-radius, 0, radius)]
    edges += [(a + b) // 2 for a, b in pairwise(ats)]
    pieces = [
        Piece(a, b, bool(counted) and status(a + b, n), observed(a + b, n))
        for a, b, n in _cut(intervals, edges, as_of)
    ]
    return Filled(pieces, bool(counted), counted)


def beating(
    beats: list[int],
    intervals: list[Interval],
    *,
    first_heartbeat: int,
    as_of: int,
    lookback: int,
    expiry: int,
) -> Filled:
    recent = [at for at in sorted(beats) if as_of - lookback <= at <= as_of]
    edges = [at + shift for at in recent for shift in (0, expiry)]
    since = [(max(a, first_heartbeat), b) for a, b in intervals if b > first_heartbeat]

    def status(moment: int) -> bool:
        return any(2 * at <= moment < 2 * (at + expiry) for at in recent)

    pieces = [Piece(a, b, status(a + b), True) for a, b, _ in _cut(since, edges, as_of)]
    return Filled(pieces, first_heartbeat <= as_of, [(at, True) for at in recent])


def _cut(intervals: list[Interval], edges: list[int], as_of: int) -> list[tuple[int, int, int]]:
    """Open time before as_of, cut wherever anything may change: start, end, which interval."""
    pieces = []
    for n, (start, end) in enumerate(intervals):
        cuts = {start, min(end, as_of)} | {at for at in edges if start < at < min(end, as_of)}
        pieces += [(a, b, n) for a, b in pairwise(sorted(cuts)) if start < as_of]
    return pieces


Correction = tuple[int, int, str]  # start, end, treat_as


def corrected(filled: Filled, corrections: list[Correction]) -> Filled:
    """What people said, one after the other, in the order in which they said it."""
    edges = {edge for start, end, _ in corrections for edge in (start, end)}
    pieces, excluded = [], []
    for piece in filled.pieces:
        cuts = {piece.start, piece.end} | {at for at in edges if piece.start < at < piece.end}
        for a, b in pairwise(sorted(cuts)):
            said = [treat_as for start, end, treat_as in corrections if start <= a and b <= end]
            part = piece._replace(start=a, end=b)
            if said and said[-1] == "excluded":
                excluded.append(part)
            elif said:
                up = filled.known and said[-1] == "up"
                pieces.append(part._replace(up=up, observed=True, corrected=True))
            else:
                pieces.append(part)
    return Filled(pieces, filled.known, filled.counted, excluded)


def clipped(pieces: list[Piece], window: Interval) -> list[Piece]:
    start, end = window
    return [
        piece._replace(start=max(piece.start, start), end=min(piece.end, end))
        for piece in pieces
        if piece.start < end and piece.end > start
    ]


def total(pieces: list[Piece]) -> int:
    return sum(piece.end - piece.start for piece in pieces)


@dataclass
class Answer:
    """For each window: (open, up, observed, corrected)."""

    figures: list[tuple[int, int, int, int]]
    known: bool


def summed(filled: Filled, windows: list[Interval]) -> Answer:
    figures = []
    for window in windows:
        pieces = clipped(filled.pieces, window)
        corrected = [piece for piece in pieces if piece.corrected]
        figures.append(
            (
                total(pieces),
                total([piece for piece in pieces if piece.up]),
                total([piece for piece in pieces if piece.observed]),
                total(corrected + clipped(filled.excluded, window)),
            )
        )
    return Answer(figures, filled.known)


def default_windows(as_of: int) -> list[Interval]:
    return [(as_of - length, as_of) for length in WINDOWS]


class Outage(NamedTuple):
    """None where there is nothing."""

    began_at: int
    ended_at: int | None
    began_earliest: int | None
    ended_latest: int | None
    downtime: int
    observations: int


def outages(filled: Filled, since: int, as_of: int) -> list[tuple[Outage, list[Piece]]]:
    """The outages since an instant, with the pieces of downtime that each is made of."""
    found: list[tuple[Outage, list[Piece]]] = []
    pieces = clipped(filled.pieces, (since, as_of)) if filled.known else []
    for up, group in groupby(pieces, key=lambda piece: piece.up):
        run = list(group)
        if up:
            continue
        began_at, ended_at = run[0].start, run[-1].end
        ongoing = run[-1] is pieces[-1]
        active = [at for at, up in filled.counted if up]
        inside = [
            at
            for at, up in filled.counted
            if not up and began_at <= at and (ongoing or at < ended_at)
        ]
        outage = Outage(
            began_at,
            None if ongoing else ended_at,
            max((at for at in active if at <= began_at), default=None),
            None if ongoing else min((at for at in active if at >= ended_at), default=None),
            total(run),
            len(inside),
        )
        found.append((outage, run))
    return found
