"""Dates and instants as clients send them, `createdAt` also as a JavaScript date string."""

import re
from datetime import date, datetime, timedelta, timezone
from email.utils import parsedate_to_datetime
from typing import Annotated, Any

from pydantic import BeforeValidator, PlainSerializer, WithJsonSchema

from openhours.times import EARLIEST, check_not_ahead, iso, parse_instant

_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
# Mon Dec 02 2019 09:09:45 GMT+0530 (India Standard Time); the offset counts, the name does not.
_JAVASCRIPT = re.compile(
    r"(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun) "
    r"(?P<month>[A-Z][a-z]{2}) (?P<day>[0-9]{2}) (?P<year>[0-9]{4}) "
    r"(?P<clock>[0-9]{2}:[0-9]{2}:[0-9]{2}) "
    r"GMT(?P<sign>[+-])(?P<hours>[0-9]{2})(?P<minutes>[0-5][0-9])(?: \(.*\))?"
)
# Mon, 02 Dec 2019 03:39:45 GMT
_JAVASCRIPT_UTC = re.compile(r"[A-Z][a-z]{2}, [0-9]{2} [A-Z][a-z]{2} [0-9]{4} [0-9:]{8} GMT")


def parse_created_at(value: Any) -> datetime:
    """Return the instant in UTC; raise ValueError, also if it is more than 5 minutes ahead."""
    if isinstance(value, str):
        value = value.strip()
        if found := _JAVASCRIPT.fullmatch(value):
            value = _javascript(found).isoformat()
        elif _JAVASCRIPT_UTC.fullmatch(value):
            value = parsedate_to_datetime(value).isoformat()
    return check_not_ahead(parse_instant(value))


def _javascript(found: re.Match[str]) -> datetime:
    if found["month"] not in _MONTHS:
        raise ValueError(f"there is no month {found['month']}")
    month = _MONTHS.index(found["month"]) + 1
    hour, minute, second = map(int, found["clock"].split(":"))
    offset = timedelta(hours=int(found["hours"]), minutes=int(found["minutes"]))
    zone = timezone(offset if found["sign"] == "+" else -offset)
    return datetime(int(found["year"]), month, int(found["day"]), hour, minute, second, tzinfo=zone)


CreatedAt = Annotated[
    datetime,
    BeforeValidator(parse_created_at),
    PlainSerializer(iso, return_type=str, when_used="json"),
    WithJsonSchema(
        {
            "type": "string",
            "description": "ISO 8601 with its zone, or a JavaScript date string.",
            "examples": [
                "2019-12-02T03:39:45.000000Z",
                "Mon Dec 02 2019 09:09:45 GMT+0530 (India Standard Time)",
            ],
        }
    ),
]


def _parse_moment(value: Any) -> date | datetime:
    """Return a date from `2024-03-31`, else an instant; raise ValueError."""
    if isinstance(value, str) and len(value) == len("2024-03-31"):
        try:
            day = date.fromisoformat(value)
        except ValueError:
            raise ValueError("not a date, such as 2024-03-31") from None
        if not EARLIEST.year <= day.year <= 9998:
            raise ValueError("a date must lie between the years 2000 and 9998")
        return day
    return parse_instant(value)


Moment = Annotated[
    Any,
    BeforeValidator(_parse_moment),
    WithJsonSchema({"type": "string", "examples": ["2024-03-31", "2024-03-31T08:00:00Z"]}),
]
