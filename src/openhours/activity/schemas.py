"""An event as clients send it and as it is answered, and what its metadata may hold."""

import json
import math
from collections.abc import Iterator
from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field

from openhours.api.fields import INT8, Text
from openhours.errors import invalid
from openhours.times import Instant, PastInstant

MAX_METADATA_BYTES = 64 << 10

UserId = Annotated[int, Field(ge=-INT8, lt=INT8, examples=[6])]
Action = Literal["created", "updated", "deleted", "viewed"]
_Path = tuple[str | int, ...]


class Event(BaseModel):
    """Something a user did."""

    user_id: Annotated[UserId, Field(strict=True)]
    event_action_timestamp: Annotated[PastInstant, Field(description="When it happened.")]
    action: Action
    metadata: Annotated[
        dict[str, Any], Field(description="Any JSON object of 64 KiB at most.")
    ] = {}


class NewEvent(Event):
    """An event to record."""

    event_id: Annotated[
        Annotated[Text, Field(min_length=1, max_length=128)] | None,
        Field(description="Your own id for the event: sent again with it, it is stored once."),
    ] = None


class StoredEvent(NewEvent):
    """An event that was recorded."""

    recorded_at: Annotated[
        Instant, Field(description="When it was recorded: `from` and `to` filter by this.")
    ]


class PeriodCount(BaseModel):
    """The number of a user's events recorded in [period_start, period_end)."""

    user_id: int
    period_start: Instant
    period_end: Instant
    event_count: int


def metadata_json(metadata: dict[str, Any]) -> str:
    """Return the metadata as JSON that PostgreSQL accepts.

    Raise Invalid, with the path of what it cannot store: NUL, NaN, more than 64 KiB.
    """
    try:
        written = json.dumps(metadata, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    except ValueError:
        written = "NaN"
    if written == "NaN" or "\\u0000" in written:  # the latter also as text of six characters
        for path, message in _problems(metadata):
            raise invalid(message, "metadata", *path)
    if len(written.encode()) > MAX_METADATA_BYTES:
        raise invalid("metadata may have 64 KiB of JSON at most", "metadata")
    return written


def _problems(value: object, path: _Path = ()) -> Iterator[tuple[_Path, str]]:
    if isinstance(value, float) and not math.isfinite(value):
        yield path, "JSON has no NaN and no Infinity"
    elif isinstance(value, str) and "\0" in value:
        yield path, "text must not contain NUL"
    elif isinstance(value, dict):
        for name, part in value.items():
            if "\0" in name:
                yield (*path, name), "a name must not contain NUL"
            yield from _problems(part, (*path, name))
    elif isinstance(value, list):
        for position, part in enumerate(value):
            yield from _problems(part, (*path, position))
