"""The windows that a report is asked for, as text -> the kernel's windows.

last_hour, last_day, last_week, P30D, PT6H       elapsed time before T
2022-10-07, 2022-W40, 2022-10, 2022              a local day, ISO week, month or year
today, yesterday, this_week, previous_month …    one of these, told from T
2022-10-01T00:00:00Z/2022-10-08T00:00:00Z        from one instant to another
days:2022-10, weeks:2022, months:2022            each of them, a window each
"""

import re
from collections.abc import Callable, Iterator, Sequence
from datetime import date, timedelta
from typing import Any, NamedTuple

from sqlalchemy import Row

from openhours.errors import invalid
from openhours.reports.tables import Report
from openhours.times import (
    DAY,
    EARLIEST,
    HOUR,
    MINUTE,
    SECOND,
    local_time,
    parse_instant,
    to_days,
    to_us,
)
from openhours.uptime.windows import DEFAULT_WINDOWS, Window

MAX_WINDOWS = 400

_DEFAULTS = {window.name: window for window in DEFAULT_WINDOWS}
_DURATION = re.compile(r"P(?:(\d+)W)?(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?(?:(\d+)S)?)?", re.ASCII)
_UNITS = (7 * DAY, DAY, HOUR, MINUTE, SECOND)
_EXAMPLES = (
    "last_hour, last_day, last_week, P30D, PT6H, 2022-10-07, 2022-W40, 2022-10, 2022, today, "
    "yesterday, this_week, previous_week, this_month, previous_month, days:…, weeks:…, months:… "
    "or two instants with a slash between them"
)


class Dates(NamedTuple):
    """The dates from `first` to the one before `beyond`."""

    first: date
    beyond: date


def windows_of(report: Report | Row[Any]) -> list[Window]:
    """Return the windows that were fixed when the report was triggered."""
    return [Window(*window) for window in report.windows]


def lookback(windows: Sequence[Window], as_of: int, setting: int) -> int:
    """Return how far (µs) to look back from T (µs) for these windows.

    As far as the setting (µs), and as far before the first window as that lies before the last
    week.
    """
    return max(setting, as_of - earliest(windows, as_of) + setting - 7 * DAY)


def is_calendar(text: str) -> bool:
    """Return whether the text asks for dates, so that both feeds share one T."""
    return text not in _DEFAULTS and "/" not in text and not text.startswith("P")


def parse_windows(texts: Sequence[str], as_of: int, calendar_timezone: str) -> list[Window]:
    """Return the windows, 1 to 400, series expanded.

    `as_of` (µs) is T; today is its date in `calendar_timezone`. Raise Invalid, with the positions
    of the texts that are wrong.
    """
    today = local_time(as_of, calendar_timezone).date()
    windows: list[Window] = []
    for n, text in enumerate(texts):
        try:
            windows += _parse(text, as_of, today)
        except ValueError as error:
            raise invalid(f"{text!r}: {error}", n) from None
        if len(windows) > MAX_WINDOWS:
            raise invalid(f"more than {MAX_WINDOWS} windows", n)
    _refuse_repeated(windows)
    return windows


def earliest(windows: Sequence[Window], as_of: int) -> int:
    """Return the instant (µs) at which the first of the windows begins, in any zone."""
    return min(window.first_instant(as_of) for window in windows)


def _refuse_repeated(windows: Sequence[Window]) -> None:
    seen: set[str] = set()
    for window in windows:
        if window.name in seen:
            raise invalid(f"{window.name!r} is there twice")
        seen.add(window.name)
    if not windows:
        raise invalid("none of the windows has begun")


def _parse(text: str, as_of: int, today: date) -> list[Window]:
    """Return the windows of one text. Raise ValueError."""
    if text in _DEFAULTS:
        return [_DEFAULTS[text]]
    step, colon, period = text.partition(":")
    if colon and step in _SERIES:
        dates = _dates(period, today)
        series = [_named(name, one) for name, one in _SERIES[step](dates)]
        return [window for window in series if window.first_instant(as_of) <= as_of]
    if "/" in text:
        window = _between(text)
    elif text.startswith("P"):
        window = Window(text, "elapsed", -_duration(text), 0)
    else:
        window = _named(text, _dates(text, today))
    begins = window.first_instant(as_of)
    if begins > as_of:
        raise ValueError("begins after the as-of instant")
    if begins < to_us(EARLIEST):
        raise ValueError("begins before the year 2000")
    return [window]


def _named(name: str, dates: Dates) -> Window:
    return Window(name, "dates", to_days(dates.first), to_days(dates.beyond))


def _duration(text: str) -> int:
    match = _DURATION.fullmatch(text)
    parts = match.groups() if match else ()
    length = sum(int(part or 0) * unit for part, unit in zip(parts, _UNITS, strict=False))
    if length == 0:
        raise ValueError(
            "not a duration of weeks, days, hours, minutes and seconds, such as P30D or PT6H"
        )
    return length


def _between(text: str) -> Window:
    start, _, end = text.partition("/")
    window = Window(text, "instants", to_us(parse_instant(start)), to_us(parse_instant(end)))
    if window.start >= window.end:
        raise ValueError("the first instant must be before the second")
    return window


def _dates(text: str, today: date) -> Dates:
    """Return the dates of a calendar period. Raise ValueError."""
    if text in _RELATIVE:
        return _RELATIVE[text](today)
    for form, dates_of in _FORMS:
        if match := form.fullmatch(text):
            return dates_of(*map(int, match.groups()))
    raise ValueError(f"not a window; use {_EXAMPLES}")


def _day(day: date) -> Dates:
    return Dates(day, day + timedelta(days=1))


def _week(day: date) -> Dates:
    monday = day - timedelta(days=day.weekday())
    return Dates(monday, monday + timedelta(days=7))


def _month(day: date) -> Dates:
    first = day.replace(day=1)
    return Dates(first, (first + timedelta(days=31)).replace(day=1))


def _days_of(dates: Dates) -> Iterator[tuple[str, Dates]]:
    day = dates.first
    while day < dates.beyond:
        yield day.isoformat(), Dates(day, day + timedelta(days=1))
        day += timedelta(days=1)


def _weeks_of(dates: Dates) -> Iterator[tuple[str, Dates]]:
    week = _week(dates.first)
    if week.first < dates.first:
        week = Dates(*(day + timedelta(days=7) for day in week))
    while week.first < dates.beyond:
        year, number, _ = week.first.isocalendar()
        yield f"{year}-W{number:02d}", week
        week = Dates(*(day + timedelta(days=7) for day in week))


def _months_of(dates: Dates) -> Iterator[tuple[str, Dates]]:
    month = _month(dates.first)
    if month.first < dates.first:
        month = _month(month.beyond)
    while month.first < dates.beyond:
        yield f"{month.first:%Y-%m}", month
        month = _month(month.beyond)


_SERIES = {"days": _days_of, "weeks": _weeks_of, "months": _months_of}
_RELATIVE: dict[str, Callable[[date], Dates]] = {
    "today": _day,
    "yesterday": lambda today: _day(today - timedelta(days=1)),
    "this_week": _week,
    "previous_week": lambda today: _week(today - timedelta(days=7)),
    "this_month": _month,
    "previous_month": lambda today: _month(today.replace(day=1) - timedelta(days=1)),
}
_FORMS: tuple[tuple[re.Pattern[str], Callable[..., Dates]], ...] = (
    (re.compile(r"(\d{4})-(\d\d)-(\d\d)", re.ASCII), lambda *day: _day(date(*day))),
    (
        re.compile(r"(\d{4})-W(\d\d)", re.ASCII),
        lambda year, week: _week(date.fromisocalendar(year, week, 1)),
    ),
    (re.compile(r"(\d{4})-(\d\d)", re.ASCII), lambda year, month: _month(date(year, month, 1))),
    (
        re.compile(r"(\d{4})", re.ASCII),
        lambda year: Dates(date(year, 1, 1), date(year + 1, 1, 1)),
    ),
)
