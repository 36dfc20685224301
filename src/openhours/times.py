"""Instants and times of day: ISO 8601 and `9:30` outside, whole µs inside."""

import re
from datetime import UTC, date, datetime, timedelta
from typing import Annotated, Any

import pytz
from pydantic import AfterValidator, BeforeValidator, PlainSerializer, WithJsonSchema

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
EARLIEST = datetime(2000, 1, 1, tzinfo=UTC)
LATEST = datetime(9999, 1, 1, tzinfo=UTC)
# Lengths in µs; a day has 24 hours.
SECOND = 1_000_000
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE
DAY = 24 * HOUR
WEEKDAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
# Clocks differ: what is further ahead than this is a mistake.
AHEAD = timedelta(minutes=5)

_DATE = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)
_TIME_OF_DAY = re.compile(r"(\d{1,2}):(\d\d)(?::(\d\d)(?:\.(\d{1,6}))?)?", re.ASCII)


def to_us(instant: datetime) -> int:
    """Return µs since 1970, exact (a float of seconds would round)."""
    return (instant - EPOCH) // timedelta(microseconds=1)


def from_us(us: int) -> datetime:
    """Return the instant of `to_us`, in UTC."""
    return EPOCH + timedelta(microseconds=us)


def to_days(day: date) -> int:
    """Return the days since 1970-01-01."""
    return (day - EPOCH.date()).days


def from_days(days: int) -> date:
    """Return the date of `to_days`."""
    return EPOCH.date() + timedelta(days=days)


def local_time(instant: datetime | int, zone: str) -> datetime:
    """Return an instant (µs if a number) in local time, by the zone tables the kernel reads."""
    at = from_us(instant) if isinstance(instant, int) else instant
    return at.astimezone(pytz.timezone(zone))


def iso(instant: datetime) -> str:
    """Return ISO 8601 in UTC with six fraction digits and Z: `2023-01-25T18:13:22.479220Z`."""
    return instant.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def now() -> datetime:
    """Return the present instant, in UTC."""
    return datetime.now(UTC)


def is_ahead(instant: datetime) -> bool:
    """Return whether the instant is more than 5 minutes ahead of our clock."""
    return instant > now() + AHEAD


def check_not_ahead(instant: datetime) -> datetime:
    """Return the instant; raise ValueError if it is more than 5 minutes ahead of our clock."""
    if is_ahead(instant):
        raise ValueError("must not be more than 5 minutes ahead")
    return instant


def parse_instant(value: Any) -> datetime:
    """Return the instant of ISO 8601 with its zone; raise ValueError outside 2000 to 9998."""
    if isinstance(value, datetime):
        return value.astimezone(UTC)  # our own, on its way out: a window may begin before 2000
    if isinstance(value, str):
        try:
            parsed = datetime.fromisoformat(value.strip())
        except ValueError:
            raise ValueError("not a time in ISO 8601, such as 2023-01-25T18:13:22Z") from None
    else:
        raise ValueError("a time is text in ISO 8601, such as 2023-01-25T18:13:22Z")
    if parsed.tzinfo is None:
        raise ValueError("a time needs its zone: Z or an offset such as +05:30")
    if not EARLIEST <= parsed < LATEST:
        raise ValueError("a time must lie between the years 2000 and 9998")
    return parsed.astimezone(UTC)


def parse_date(text: str) -> date | None:
    """Return the date `YYYY-MM-DD`, or None if it is none between the years 1900 and 9998.

    Spaces around it do not matter.
    """
    text = text.strip()
    try:
        day = date.fromisoformat(text) if _DATE.fullmatch(text) else None
    except ValueError:
        return None
    return day if day is not None and 1900 <= day.year < LATEST.year else None


def check_date(value: Any) -> date:
    """Return the date of `parse_date`; raise ValueError if it is none."""
    if isinstance(value, date):
        return value  # our own, on its way out
    day = parse_date(value) if isinstance(value, str) else None
    if day is None:
        raise ValueError("not a date between 1900 and 9998, such as 2024-12-25")
    return day


def parse_time_of_day(text: str) -> int | None:
    """Return µs since midnight, 0 to DAY (`24:00`), or None if it is no time of day.

    `H:MM` or `H:MM:SS`, with up to 6 digits of a fraction; spaces around it do not matter.
    """
    match = _TIME_OF_DAY.fullmatch(text.strip())
    if match is None:
        return None
    hour, minute, second = (int(part or 0) for part in match.group(1, 2, 3))
    if minute > 59 or second > 59:
        return None
    fraction = int((match[4] or "0").ljust(6, "0"))
    time = hour * HOUR + minute * MINUTE + second * SECOND + fraction
    return time if time <= DAY else None


def format_time_of_day(us: int) -> str:
    """Return what `parse_time_of_day` reads: `09:00`, with seconds only where there are some."""
    minutes, rest = divmod(us, MINUTE)
    text = f"{minutes // 60:02d}:{minutes % 60:02d}"
    seconds, fraction = divmod(rest, SECOND)
    if rest:
        text += f":{seconds:02d}"
    return text + (f".{fraction:06d}".rstrip("0") if fraction else "")


Instant = Annotated[
    datetime,
    BeforeValidator(parse_instant),
    PlainSerializer(iso, return_type=str, when_used="json"),
    WithJsonSchema(
        {"type": "string", "format": "date-time", "examples": ["2023-01-25T18:13:22.479220Z"]}
    ),
]

# An instant that has passed, but for what clocks may differ.
PastInstant = Annotated[Instant, AfterValidator(check_not_ahead)]

# A date in some store's own time.
LocalDate = Annotated[
    date,
    BeforeValidator(check_date),
    WithJsonSchema({"type": "string", "format": "date", "examples": ["2024-12-25"]}),
]
