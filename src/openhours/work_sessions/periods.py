"""Cutting sessions into periods and summing them: pure, instants in µs UTC.

A session across midnight is split between the days:

    session       [==========|=====)
    periods   [ Monday       | Tuesday        )
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Literal

import numpy as np

from openhours.times import DAY
from openhours.uptime.clocks import to_utc

By = Literal["day", "week", "month"]
_EPOCH = date(1970, 1, 1)


@dataclass(frozen=True)
class Worked:
    """Session [start, end); a running one ends now."""

    id: int
    name: str
    start: int
    end: int


@dataclass
class Period:
    """Day, week or month that begins on the local `day`, cut to the range."""

    day: date
    start: int
    end: int
    ms_by_name: Counter[str] = field(default_factory=Counter)


@dataclass(frozen=True)
class Overlap:
    """Time in which several sessions ran at once: each of them counts it."""

    start: int
    end: int
    sessions: tuple[int, ...]


def periods(by: By, zone: str, week_starts_on: int, start: int, end: int) -> list[Period]:
    """Return all periods with a part in [start, end), cut to it; days begin at local midnight."""
    # An instant's local date is at most a day off its date in UTC; what is too early is dropped.
    first = first_day(by, week_starts_on, _day_of(start) - timedelta(days=1))
    last = _day_of(end) + timedelta(days=1)
    days = [first]
    while days[-1] <= last:
        days.append(_next_first_day(by, days[-1]))
    midnights = np.array([(day - _EPOCH).days for day in days], np.int64) * DAY
    bounds = to_utc(midnights, zone).tolist()
    found = []
    for day, opens, closes in zip(days, bounds, bounds[1:], strict=False):
        cut = Period(day, max(opens, start), min(closes, end))
        if cut.start < cut.end:  # Samoa had no 30 December 2011
            found.append(cut)
    return found


def usual_start(by: By, week_starts_on: int, last: date) -> date:
    """Return the first day of the 7 days, 8 weeks or 12 months that end with the day `last`."""
    first = first_day(by, week_starts_on, last)
    if by == "month":
        return _next_first_day(by, first.replace(year=first.year - 1))
    return first - timedelta(days=6 if by == "day" else 7 * 7)


def fill(found: Sequence[Period], worked: Sequence[Worked]) -> None:
    """Add each session's milliseconds to the periods it lies in.

    The parts of a session add up exactly to its whole milliseconds: what is rounded is not the part
    but where it ends.
    """
    starts = np.array([period.start for period in found], np.int64)
    for session in worked:
        position = max(0, int(np.searchsorted(starts, session.start, side="right")) - 1)
        for period in found[position:]:
            if period.start >= session.end:
                break
            begins, ends = max(session.start, period.start), min(session.end, period.end)
            if begins < ends:
                period.ms_by_name[session.name] += _ms(session, ends) - _ms(session, begins)


def overlaps(worked: Sequence[Worked], start: int, end: int) -> list[Overlap]:
    """Return the parts of [start, end) in which two or more sessions ran at once."""
    events = sorted(
        (at, opens, session.id)
        for session in worked
        if max(session.start, start) < min(session.end, end)
        for at, opens in ((max(session.start, start), True), (min(session.end, end), False))
    )
    found: list[Overlap] = []
    running: set[int] = set()
    involved: set[int] = set()
    began = 0
    for at, opens, session_id in events:  # at one instant, ends come before starts
        if opens:
            running.add(session_id)
            if len(running) == 2:
                began, involved = at, set(running)
            elif len(running) > 2:
                involved.add(session_id)
            continue
        running.discard(session_id)
        if len(running) == 1 and began < at:
            found.append(Overlap(began, at, tuple(sorted(involved))))
    return found


def covered_ms(worked: Sequence[Worked], start: int, end: int) -> int:
    """Return the milliseconds of [start, end) in which any session ran, each counted once."""
    covered, reached = 0, start
    for session in sorted(worked, key=lambda one: one.start):
        begins = max(session.start, reached)
        if begins < min(session.end, end):
            reached = min(session.end, end)
            covered += reached - begins
    return covered // 1000


def first_day(by: By, week_starts_on: int, day: date) -> date:
    """Return the first day of the day, week or month that `day` is in."""
    if by == "month":
        return day.replace(day=1)
    return day - timedelta(days=(day.weekday() - week_starts_on) % 7) if by == "week" else day


def _ms(session: Worked, until: int) -> int:
    return (until - session.start) // 1000


def _day_of(instant: int) -> date:
    return _EPOCH + timedelta(days=instant // DAY)


def _next_first_day(by: By, day: date) -> date:
    if by == "month":
        return (day + timedelta(days=31)).replace(day=1)
    return day + timedelta(days=7 if by == "week" else 1)
