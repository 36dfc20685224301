"""Local times in forms: read and written in the time zone that the page names."""

from collections.abc import Iterable
from datetime import UTC, date, datetime
from typing import Annotated

import numpy as np
import pytz
from fastapi import Form, Query, Request

from openhours.errors import invalid
from openhours.times import DAY, EARLIEST, from_us, local_time, to_days, to_us
from openhours.uptime.clocks import to_utc
from openhours.web.formatting import zone_of

# The zone that the form's page named: the visitor's may be known only since then.
FormZone = Annotated[str, Form(alias="zone", max_length=100)]
QueryZone = Annotated[str, Query(alias="zone", max_length=100)]


def named_zone(request: Request, name: str) -> str:
    """Return the time zone that a form named, or the visitor's."""
    return name if name in pytz.all_timezones_set else zone_of(request)


def to_input(instant: datetime | None, zone: str) -> str:
    """Return the value of `<input type="datetime-local" step="1">`: local time to the second."""
    return "" if instant is None else f"{local_time(instant, zone):%Y-%m-%dT%H:%M:%S}"


def to_minute_input(instant: datetime | None, zone: str) -> str:
    """Return the value of `<input type="datetime-local">`: local time to the minute."""
    return to_input(instant, zone)[:16]


def midnights(dates: Iterable[date], zone: str) -> list[int]:
    """Return where local dates begin, in µs UTC."""
    return list(to_utc(np.array([to_days(day) for day in dates], np.int64) * DAY, zone).tolist())


def from_input(field: str, text: str, zone: str, place: str = "query") -> datetime | None:
    """Return the instant of such a value, None for an empty one; raise Invalid.

    A local time that occurs twice is the earlier one; one that is skipped is moved forward.
    """
    if not text:
        return None
    try:
        local = datetime.fromisoformat(text)
    except ValueError:
        local = None
    if local is None or local.tzinfo is not None or not EARLIEST.year <= local.year <= 9998:
        message = f"not a local time since 2000, such as 2024-03-31T08:30: {text!r}"
        raise invalid(message, place, field)
    us = to_us(local.replace(tzinfo=UTC))
    return from_us(int(to_utc(np.array([us], np.int64), zone)[0]))
