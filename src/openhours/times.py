"""Instants at the border: ISO 8601 in and out of JSON, µs since 1970 inside."""

from datetime import UTC, datetime, timedelta
from typing import Annotated, Any

from pydantic import BeforeValidator, PlainSerializer, WithJsonSchema

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
EARLIEST = datetime(2000, 1, 1, tzinfo=UTC)
# Clocks differ: what is further ahead than this is a mistake.
AHEAD = timedelta(minutes=5)


def to_us(instant: datetime) -> int:
    """Microseconds since 1970, exact (a float of seconds would round)."""
    return (instant - EPOCH) // timedelta(microseconds=1)


def from_us(us: int) -> datetime:
    """The instant of `to_us`, in UTC."""
    return EPOCH + timedelta(microseconds=us)


def iso(instant: datetime) -> str:
    """ISO 8601 in UTC with six fraction digits and Z: `2023-01-25T18:13:22.479220Z`."""
    return instant.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def now() -> datetime:
    """The present instant, in UTC."""
    return datetime.now(UTC)


def is_ahead(instant: datetime) -> bool:
    """Whether it is more than 5 minutes ahead of our clock."""
    return instant > now() + AHEAD


def parse_instant(value: Any) -> datetime:
    """An instant from ISO 8601 with `Z` or an offset, years 2000 to 9998; ValueError else."""
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
    if not EARLIEST <= parsed < datetime(9999, 1, 1, tzinfo=UTC):
        raise ValueError("a time must lie between the years 2000 and 9998")
    return parsed.astimezone(UTC)


Instant = Annotated[
    datetime,
    BeforeValidator(parse_instant),
    PlainSerializer(iso, return_type=str, when_used="json"),
    WithJsonSchema(
        {"type": "string", "format": "date-time", "examples": ["2023-01-25T18:13:22.479220Z"]}
    ),
]
