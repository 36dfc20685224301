"""Writing instants, durations and shares on pages: never a time without its zone."""

from collections.abc import Mapping
from datetime import date, datetime, timedelta
from urllib.parse import quote, urlencode

import pytz
from fastapi import Request
from markupsafe import Markup, escape

from openhours.times import HOUR, MINUTE, iso, local_time

ZONE_COOKIE = "zone"


def zone_of(request: Request) -> str:
    """Return the visitor's time zone, which a script sets as a cookie; UTC before it has run."""
    name = request.cookies.get(ZONE_COOKIE, "")
    return name if name in pytz.all_timezones_set else "UTC"


def short_date(day: date) -> str:
    """Return `Wed 25 Jan`."""
    return f"{day:%a} {day.day} {day:%b}"


def when(instant: datetime | int | None, zone: str, *, bare: bool = False) -> Markup:
    """Return `Wed 25 Jan 2023, 18:13 America/Denver`; `bare` leaves the zone to a heading."""
    if instant is None:
        return Markup("–")
    at = local_time(instant, zone)
    text = f"{short_date(at)} {at.year}, {at:%H:%M}"
    named = text if bare else f"{text} {zone}"
    return Markup('<time datetime="{}">{}</time>').format(iso(at), named)


def between(start: datetime, end: datetime | None, zone: str) -> Markup:
    """Return `Wed 25 Jan 2023, 18:13 to 19:20`, the end with its day where that is another."""
    if end is None:
        return Markup("{} to now").format(when(start, zone, bare=True))
    if local_time(start, zone).date() != local_time(end, zone).date():
        return Markup("{} to {}").format(*(when(at, zone, bare=True) for at in (start, end)))
    until = Markup('<time datetime="{}">{:%H:%M}</time>').format(iso(end), local_time(end, zone))
    return Markup("{} to {}").format(when(start, zone, bare=True), until)


def date_range(begins: int, ends: int, zone: str) -> str:
    """Return the local dates of [begins, ends): `11–18 Jan 2023`, `28 Dec 2022 – 3 Jan 2023`."""
    first, last = local_time(begins, zone), local_time(ends - 1, zone)
    until = f"{last.day} {last:%b %Y}"
    if first.date() == last.date():
        return until
    if first.year != last.year:
        return f"{first.day} {first:%b %Y} – {until}"
    if first.month != last.month:
        return f"{first.day} {first:%b} – {until}"
    return f"{first.day}–{until}"


def stopwatch(ms: int) -> str:
    """Return `01:02:03`, as the clock of a running session shows it."""
    seconds = ms // 1000
    return f"{seconds // 3600:02d}:{seconds // 60 % 60:02d}:{seconds % 60:02d}"


def clock(instant: datetime | int, zone: str) -> str:
    """Return `18:13:22`, for use below a heading that names day and zone."""
    return f"{local_time(instant, zone):%H:%M:%S}"


def hours(us: int) -> str:
    """Return µs as `23.4 h`; less than 0.05 h is `< 0.1 h`, never 0."""
    return _amount(us / HOUR, us, "h")


def minutes(us: int) -> str:
    """Return µs as `52.1 min`."""
    return _amount(us / MINUTE, us, "min")


def _amount(value: float, us: int, unit: str) -> str:
    if us and value < 0.05:
        return f"< 0.1 {unit}"
    return f"{value:,.1f} {unit}".replace(".0 ", " ")


def span(seconds: float | None) -> str:
    """Return a duration as a person would say it: `1 h 44 min`, `40 min`, `5 min 2 s`, `0.4 s`."""
    if seconds is None:
        return "–"
    whole = int(seconds)
    if whole < 60:
        return f"{seconds:.1f}".removesuffix(".0") + " s"
    hours, minutes, rest = whole // 3600, whole % 3600 // 60, whole % 60
    parts = [(hours, "h"), (minutes, "min"), (0 if hours else rest, "s")]
    return " ".join(f"{count:,} {unit}" for count, unit in parts if count)


def ago(past: timedelta) -> str:
    """Return how long ago something was, in its largest unit: `3 h ago`, `2 days ago`."""
    seconds = max(0, past // timedelta(seconds=1))
    for unit, length in (("day", 86_400), ("h", 3600), ("min", 60)):
        count = seconds // length
        if count:
            return f"{count:,} {unit}{'s' if unit == 'day' and count > 1 else ''} ago"
    return "less than a minute ago"


def percent(part: int | float, whole: int | float) -> str:
    """Return `99.9 %`, rounded down, so that 100 % means all of it; `–` of nothing."""
    if not whole:
        return "–"
    tenths = int(part * 1000 // whole)
    if part and not tenths:
        return "< 0.1 %"
    return f"{tenths // 10}.{tenths % 10} %".replace(".0 ", " ")


def percent_between(low: int, high: int, whole: int) -> str:
    """Return `93.1 to 97.4 %` as `percent` writes them, `100 %` if that is the same."""
    first, last = (percent(part, whole).removesuffix(" %") for part in (low, high))
    return f"{last} %" if first == last else f"{first} to {last} %"


def number(value: int | None) -> str:
    """Return `13,559`; `–` for None."""
    return "–" if value is None else f"{value:,}"


def sentence(text: str) -> str:
    """Return a message as a sentence: `Wrong username or password.`"""
    ended = text if text.endswith((".", "!", "?")) or not text else f"{text}."
    return ended[:1].upper() + ended[1:]


def window_words(name: str) -> str:
    """Return a window's name as a person says it: `last hour`, `previous month`, `2022-10-07`."""
    return name.replace("_", " ")


def store_url(store_id: str) -> str:
    """Return the path of a store's page, to follow `root`, whatever its id contains."""
    return f"/stores/{quote(store_id, safe='')}"


def query_of(values: Mapping[str, object]) -> str:
    """Return an address's query, `?a=1&b=2`, of those values that are not empty; of lists, each."""
    present = {name: value for name, value in values.items() if value}
    return f"?{urlencode(present, doseq=True)}"


def many(count: int, one: str, more: str | None = None) -> Markup:
    """Return `1 store`, `2 stores`."""
    return Markup("{} {}").format(number(count), escape(one if count == 1 else more or f"{one}s"))
