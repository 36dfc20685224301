"""What docs/spec.md says, as slowly and plainly as can be: one store, one moment at a time.

Instants are ints, µs since the epoch. A "moment" is doubled, so that the middle of a piece of
time is a whole number too.
"""

from bisect import bisect_left
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import cache
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytz

HOUR = 3_600_000_000
DAY = 24 * HOUR
WINDOWS = (HOUR, DAY, 7 * DAY)
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

Interval = tuple[int, int]
Row = tuple[int, int, int]  # day, opens, closes
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


def open_intervals(rows: Iterable[Row], zone: str, start: int, end: int) -> list[Interval]:
    """The open intervals that meet [start, end], uncut."""
    rows = list(rows)
    if not rows:
        return [(start - 9 * DAY, end + 9 * DAY)]
    first_day = date(1970, 1, 1) + timedelta(days=start // DAY - 4)
    intervals = []
    for n in range((end - start) // DAY + 9):
        midnight = datetime.combine(first_day + timedelta(days=n), datetime.min.time())
        for day, opens, closes in rows:
            if midnight.weekday() == day:
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


@dataclass
class Answer:
    """For each window: (open, up, observed, both)."""

    figures: list[tuple[int, int, int, int]]
    known: bool


def polled(
    polls: list[Poll],
    intervals: list[Interval],
    *,
    as_of: int,
    lookback: int,
    interpolation: str,
    radius: int,
) -> Answer:
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
    pieces = _pieces(intervals, edges, as_of)
    return _sum(
        [(a, b, bool(counted) and status(a + b, n), observed(a + b, n)) for a, b, n in pieces],
        as_of,
        known=bool(counted),
    )


def beating(
    beats: list[int],
    intervals: list[Interval],
    *,
    first_heartbeat: int,
    as_of: int,
    lookback: int,
    expiry: int,
) -> Answer:
    recent = [at for at in beats if as_of - lookback <= at <= as_of]
    edges = [at + shift for at in recent for shift in (0, expiry)]
    since = [(max(a, first_heartbeat), b) for a, b in intervals if b > first_heartbeat]

    def status(moment: int) -> bool:
        return any(2 * at <= moment < 2 * (at + expiry) for at in recent)

    pieces = _pieces(since, edges, as_of)
    known = first_heartbeat <= as_of
    return _sum([(a, b, status(a + b), True) for a, b, _ in pieces], as_of, known)


def _pieces(intervals: list[Interval], edges: list[int], as_of: int) -> list[tuple[int, int, int]]:
    """Open time, cut wherever anything may change: start, end, and of which interval it is."""
    starts = [as_of - length for length in WINDOWS]
    pieces = []
    for n, (start, end) in enumerate(intervals):
        inner = {at for at in edges + starts if start < at < min(end, as_of)}
        cuts = sorted({start, min(end, as_of)} | inner)
        pieces += [(a, b, n) for a, b in pairwise(cuts) if start < as_of and b > min(starts)]
    return pieces


def _sum(pieces: list[tuple[int, int, bool, bool]], as_of: int, known: bool) -> Answer:
    figures = []
    for length in WINDOWS:
        within = [(b - a, up, seen) for a, b, up, seen in pieces if a >= as_of - length]
        figures.append(
            (
                sum(length for length, _, _ in within),
                sum(length for length, up, _ in within if up),
                sum(length for length, _, seen in within if seen),
                sum(length for length, up, seen in within if up and seen),
            )
        )
    return Answer(figures, known)
