"""What `/timer` shows of a user's time: which part of it, by period and by name."""

import datetime as dt
from collections import Counter
from collections.abc import Sequence
from datetime import timedelta
from typing import Annotated, NamedTuple
from urllib.parse import urlencode

from fastapi import Query

from openhours.api.cursors import Cursor
from openhours.errors import invalid
from openhours.times import parse_date
from openhours.web.formatting import short_date, span
from openhours.work_sessions.periods import By, first_day
from openhours.work_sessions.schemas import NameTotal, Overview, PeriodTotal

# Names with a column of their own; the others share one.
_MAX_NAMES = 6
# Of more periods, those without work are left out.
_MAX_EMPTY = 31
_MAX_OVERLAPS = 5
_USUAL = {"day": "7 days", "week": "8 weeks", "month": "12 months"}


class View(NamedTuple):
    """What the page was asked to show: time by period, from a day to a day (both are included).

    `cursor` is that of a page of sessions.
    """

    by: By = "day"
    since: str = ""
    until: str = ""
    cursor: str | None = None

    def query(self, **changes: object) -> str:
        """Return this view, with changes, as the query of an address: `?by=week`, or nothing."""
        values = {"by": self.by, "from": self.since, "to": self.until, "cursor": self.cursor}
        changed = {name: value for name, value in (values | changes).items() if value}
        if changed.get("by") == "day":
            del changed["by"]
        return f"?{urlencode(changed)}" if changed else ""

    def dates(self) -> tuple[dt.date | None, dt.date | None]:
        """Return the first day and the day after the last, None where none is named.

        Raise Invalid.
        """
        first, last = _date("from", self.since), _date("to", self.until)
        if first is not None and last is not None and last < first:
            raise invalid("must not be before the first day", "query", "to")
        return first, None if last is None else last + timedelta(days=1)


def _date(field: str, text: str) -> dt.date | None:
    if not text:
        return None
    day = parse_date(text)
    if day is None:
        raise invalid("not a date, such as 2026-03-31", "query", field)
    return day


def view(
    by: By = "day",
    since: Annotated[str, Query(alias="from", max_length=40)] = "",
    until: Annotated[str, Query(alias="to", max_length=40)] = "",
    cursor: Cursor = None,
) -> View:
    """Return the view that an address asks for."""
    return View(by, since, until, cursor)


def usual_ranges(today: dt.date, week_starts_on: int) -> list[tuple[str, str, str]]:
    """Return ranges that people ask for, each with its first and last day."""
    ranges = []
    periods: tuple[By, ...] = ("week", "month")
    for by in periods:
        begins = first_day(by, week_starts_on, today)
        before = begins - timedelta(days=1)
        ranges.append((f"This {by}", str(begins), str(today)))
        ranges.append((f"Last {by}", str(first_day(by, week_starts_on, before)), str(before)))
    return ranges


def heading(overview: Overview, view: View) -> str:
    """Return how much was worked, and in which time: `2 h 5 min in 7 days`."""
    worked = span(overview.time / 1000) if overview.time else "Nothing tracked"
    first, last = (
        f"{day.day} {day:%b %Y}" if (day := parse_date(text)) else ""
        for text in (view.since, view.until)
    )
    if not first:
        return f"{worked} in {_USUAL[view.by]}" + (f" up to {last}" if last else "")
    return f"{worked} from {first} to {last}" if last else f"{worked} since {first}"


def label(date: dt.date, by: By) -> str:
    """Return a period's name: `Mon 2 Dec`, for a week that of its first day, or `Dec 2019`."""
    return f"{date:%b %Y}" if by == "month" else short_date(date)


def columns(overview: Overview) -> list[tuple[str, int, int, str]]:
    """Return the periods as bars of a chart."""
    return [
        (label(period.date, overview.by), period.time, 0, _title(period, overview.by))
        for period in overview.periods
    ]


def _title(period: PeriodTotal, by: By) -> str:
    worked = [f"{name_of(one.name)} {span(one.time / 1000)}" for one in period.names]
    names = f" ({', '.join(worked)})" if worked else ""
    return f"{label(period.date, by)}: {span(period.time / 1000)}{names}"


def name_of(name: str) -> str:
    """Return a session's name as pages write it."""
    return name or "no name"


class Table(NamedTuple):
    """Time worked by period and name, in ms: a row's label, its cells, and their sum."""

    names: list[str]
    rows: list[tuple[str, list[int], int]]
    sums: list[int]


def table(overview: Overview) -> Table:
    """Return the periods by name, the newest first; the names with most time have columns."""
    names = [one.name for one in overview.names]
    shown = names if len(names) <= _MAX_NAMES else names[: _MAX_NAMES - 1]
    few = len(overview.periods) <= _MAX_EMPTY

    def cells(found: Sequence[NameTotal]) -> list[int]:
        times = Counter({one.name: one.time for one in found})
        own = [times[name] for name in shown]
        return own if shown == names else [*own, times.total() - sum(own)]

    prefix = "Week of " if overview.by == "week" else ""
    return Table(
        [*map(name_of, shown), *([] if shown == names else ["other names"])],
        [
            (prefix + label(period.date, overview.by), cells(period.names), period.time)
            for period in reversed(overview.periods)
            if period.time or few
        ],
        cells(overview.names),
    )


def overlaps(overview: Overview) -> list[str]:
    """Return in words which sessions overlap, those with most time first."""
    times: Counter[tuple[tuple[str, ...], bool]] = Counter()
    for one in overview.overlaps:
        times[tuple(one.names), len(one.sessions) > 2] += one.time
    found = []
    for (names, several), ms in times.most_common(_MAX_OVERLAPS):
        *others, last = [f"'{name_of(name)}'" for name in names]
        who = f"{', '.join(others)} and {last}" if others else f"Sessions named {last}"
        often = "more than once" if several else "twice"
        found.append(f"{who} overlap: {span(ms / 1000)} counted {often}.")
    if len(times) > _MAX_OVERLAPS:
        found.append(f"And {len(times) - _MAX_OVERLAPS} more overlaps.")
    return found
