"""From a list of stores, as tests write them, to the kernel's columns."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime

import numpy as np

from openhours.uptime import beats, fill
from openhours.uptime.axis import Int64
from openhours.uptime.beats import Heartbeats
from openhours.uptime.dates import ALWAYS, CLOSED, EVERY, SpecialHours, WeekHours
from openhours.uptime.fill import Interpolation, Observations
from openhours.uptime.hours import Intervals, open_time
from openhours.uptime.segments import Filled, Segments
from openhours.uptime.totals import Figures, figures
from openhours.uptime.windows import DEFAULT_WINDOWS, Bounds, bounds
from tests.uptime.reference import DAY, HOUR, Hours, Interval, Poll, Row, Span, instant

MINUTE = HOUR // 60
SECOND = MINUTE // 60
LOOKBACK = 14 * DAY
EXPIRY = 150 * SECOND
NEVER = 2**62


@dataclass
class Store:
    rows: Sequence[Row] = ()
    zone: str = "UTC"
    polls: list[Poll] = field(default_factory=list)
    beats: list[int] = field(default_factory=list)
    first_heartbeat: int = NEVER
    versions: Mapping[date, Sequence[Row]] = field(default_factory=dict)
    special: Mapping[date, Sequence[Span]] = field(default_factory=dict)
    every: Mapping[date, Sequence[Span]] = field(default_factory=dict)

    @property
    def hours(self) -> Hours:
        rows: dict[date | None, Sequence[Row]] = {None: self.rows} if self.rows else {}
        rows |= dict(self.versions.items())
        return Hours(rows, self.special, self.every)


def utc(text: str) -> int:
    """`2024-01-01 10:14` -> µs."""
    return instant(datetime.fromisoformat(text).replace(tzinfo=UTC))


def clock(text: str) -> int:
    """`9:30` or `23:59:59` -> µs since midnight."""
    hours, minutes, *seconds = map(int, text.split(":"))
    return hours * HOUR + minutes * MINUTE + sum(seconds) * SECOND


def daily(opens: str, closes: str) -> list[Row]:
    return [(day, clock(opens), clock(closes)) for day in range(7)]


def column(values: Sequence[int]) -> Int64:
    return np.array(values, np.int64)


def _table(rows: Sequence[Span], width: int) -> list[Int64]:
    return [
        column([CLOSED if (value := row[n]) is None else value for row in rows])
        for n in range(width)
    ]


def _days(day: date | None) -> int:
    return ALWAYS if day is None else (day - date(1970, 1, 1)).days


def week_hours(stores: Sequence[Store]) -> WeekHours:
    rows = [
        (n, *row, _days(valid_from))
        for n, store in enumerate(stores)
        for valid_from, version in store.hours.rows.items()
        for row in version
    ]
    return WeekHours(*_table(rows, 5))


def special_hours(stores: Sequence[Store]) -> SpecialHours:
    """Those of each store, and those of every store as the first of them has them."""
    of = [(n, store.special) for n, store in enumerate(stores)]
    of += [(EVERY, store.every) for store in stores[:1]]
    rows = [
        (n, _days(day), *span) for n, dates in of for day, spans in dates.items() for span in spans
    ]
    return SpecialHours(*_table(rows, 4))


def open_intervals(stores: Sequence[Store], start: int, end: int) -> Intervals:
    zones = sorted({store.zone for store in stores})
    zone = column([zones.index(store.zone) for store in stores])
    return open_time(week_hours(stores), special_hours(stores), zone, zones, start, end)


def pairs(intervals: Intervals, store: int = 0) -> list[Interval]:
    of = intervals.store == store
    return list(zip(intervals.start[of].tolist(), intervals.end[of].tolist(), strict=True))


def observations(stores: Sequence[Store]) -> Observations:
    polls = [(n, *poll) for n, store in enumerate(stores) for poll in sorted(store.polls)]
    return Observations(
        column([store for store, _, _ in polls]),
        column([at for _, at, _ in polls]),
        np.array([active for _, _, active in polls], np.bool_),
    )


def heartbeats(stores: Sequence[Store]) -> Heartbeats:
    beats = [(n, at) for n, store in enumerate(stores) for at in sorted(store.beats)]
    return Heartbeats(column([store for store, _ in beats]), column([at for _, at in beats]))


def default_bounds(stores: int, as_of: int) -> Bounds:
    return bounds(DEFAULT_WINDOWS, np.zeros(stores, np.int64), ["UTC"], as_of)


def counted(stores: Sequence[Store], as_of: int, lookback: int = LOOKBACK) -> fill.Counted:
    return fill.count_polls(
        observations(stores),
        open_intervals(stores, as_of - lookback, as_of),
        stores=len(stores),
        as_of=as_of,
        lookback=lookback,
    )


def filled(
    stores: Sequence[Store],
    as_of: int,
    lookback: int = LOOKBACK,
    interpolation: Interpolation = "nearest",
    radius: int = HOUR,
    *,
    per_poll: bool = False,
) -> Filled:
    return fill.polled(
        observations(stores),
        counted(stores, as_of, lookback),
        interpolation=interpolation,
        radius=radius,
        per_poll=per_poll,
    )


def polled(
    stores: Sequence[Store],
    as_of: int,
    lookback: int = LOOKBACK,
    interpolation: Interpolation = "nearest",
    radius: int = HOUR,
) -> Figures:
    found = filled(stores, as_of, lookback, interpolation, radius)
    return figures(found, default_bounds(len(stores), as_of))


def beating(
    stores: Sequence[Store], as_of: int, lookback: int = LOOKBACK, expiry: int = EXPIRY
) -> Figures:
    filled = beats.beating(
        heartbeats(stores),
        open_intervals(stores, as_of - lookback, as_of),
        first_heartbeat=column([store.first_heartbeat for store in stores]),
        as_of=as_of,
        lookback=lookback,
        expiry=expiry,
    )
    return figures(filled, default_bounds(len(stores), as_of))


def drawn(segments: Segments, since: str) -> list[str]:
    """From an instant on, as text: `04 09:00-10:30 up #0`."""

    def text(at: int) -> str:
        return str(np.datetime64(at, "us"))[8:16].replace("T", " ")

    rows = zip(*(part.tolist() for part in vars(segments).values()), strict=True)
    return [
        f"{text(start)}-{text(end)[3:]} {'up' if active else 'down'} #{source}"
        for _, start, end, active, source in rows
        if start >= utc(f"2024-01-{since}")
    ]
