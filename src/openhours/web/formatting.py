"""How instants, durations and shares are written on pages: never a time without its zone."""

from datetime import UTC, datetime
from urllib.parse import quote

import numpy as np
import pytz
from fastapi import Request
from markupsafe import Markup, escape

from openhours.times import EARLIEST, from_us, iso, to_us
from openhours.uptime.clocks import to_utc

ZONE_COOKIE = "zone"
_HOUR = 3_600_000_000
_MINUTE = 60_000_000


def zone_of(request: Request) -> str:
    """The visitor's zone, which a script of ours keeps in a cookie; UTC before it has run."""
    name = request.cookies.get(ZONE_COOKIE, "")
    return name if name in pytz.all_timezones_set else "UTC"


def in_zone(instant: datetime | int, zone: str) -> datetime:
    """An instant (µs if a number) on the wall clock of the zone."""
    at = from_us(instant) if isinstance(instant, int) else instant
    return at.astimezone(UTC if zone == "UTC" else pytz.timezone(zone))


def when(instant: datetime | int | None, zone: str, *, bare: bool = False) -> Markup:
    """`Wed 25 Jan 2023, 18:13 America/Denver`; bare where a heading already names the zone."""
    if instant is None:
        return Markup("–")
    at = in_zone(instant, zone)
    text = f"{at:%a} {at.day} {at:%b} {at.year}, {at:%H:%M}"
    named = text if bare else f"{text} {zone}"
    return Markup('<time datetime="{}">{}</time>').format(iso(at), named)


def clock(instant: datetime | int, zone: str) -> str:
    """`18:13:22`, below a heading that names day and zone."""
    return f"{in_zone(instant, zone):%H:%M:%S}"


def hours(us: int) -> str:
    """`23.4 h`; a part of an hour is never shown as nothing."""
    return _amount(us / _HOUR, us, "h")


def minutes(us: int) -> str:
    """`52.1 min`."""
    return _amount(us / _MINUTE, us, "min")


def _amount(value: float, us: int, unit: str) -> str:
    if us and value < 0.05:
        return f"< 0.1 {unit}"
    return f"{value:,.1f} {unit}".replace(".0 ", " ")


def span(seconds: float | None) -> str:
    """A duration as a person would say it: `1 h 44 min`, `12 s`, `0.4 s`."""
    if seconds is None:
        return "–"
    whole = int(seconds)
    if whole >= 3600:
        return f"{whole // 3600:,} h {whole % 3600 // 60} min"
    if whole >= 60:
        return f"{whole // 60} min {whole % 60} s"
    return f"{seconds:.1f} s"


def percent(part: int | float, whole: int | float) -> str:
    """`99.9 %`, rounded down, so that 100 % means all of it."""
    if not whole:
        return "–"
    tenths = int(part * 1000 // whole)
    if part and not tenths:
        return "< 0.1 %"
    return f"{tenths // 10}.{tenths % 10} %".replace(".0 ", " ")


def number(value: int | None) -> str:
    """`13,559`."""
    return "–" if value is None else f"{value:,}"


def store_url(store_id: str) -> str:
    """The page of a store, whatever its id holds."""
    return f"/stores/{quote(store_id, safe='')}"


def many(count: int, one: str, more: str | None = None) -> Markup:
    """`1 store`, `2 stores`."""
    return Markup("{} {}").format(number(count), escape(one if count == 1 else more or f"{one}s"))


def on_wall(instant: datetime | int, zone: str) -> str:
    """As `<input type="datetime-local">` writes it: the time on the zone's wall clock."""
    return f"{in_zone(instant, zone):%Y-%m-%dT%H:%M:%S}"


def from_wall(text: str, zone: str) -> datetime:
    """The instant of what such an input holds; ValueError."""
    local = datetime.fromisoformat(text)
    if local.tzinfo is not None or not EARLIEST.year <= local.year <= 9998:
        raise ValueError("not a local time between the years 2000 and 9998")
    wall = np.array([to_us(local.replace(tzinfo=UTC))], np.int64)
    return from_us(int(to_utc(wall, zone)[0]))
