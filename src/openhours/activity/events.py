"""An event as it is sent and as it is shown; what of its metadata cannot be kept."""

import json
import math
from collections.abc import Iterator
from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field

from openhours.api.fields import INT8, Text
from openhours.errors import invalid
from openhours.times import Instant, PastInstant

MOST_METADATA = 64 << 10

UserId = Annotated[int, Field(ge=-INT8, lt=INT8, examples=[6])]
Action = Literal["created", "updated", "deleted", "viewed"]
Happened = Annotated[PastInstant, Field(description="When it happened.")]
_Path = tuple[str | int, ...]


class Event(BaseModel):
    """What a user did."""

    user_id: Annotated[UserId, Field(strict=True)]
    event_action_timestamp: Happened
    action: Action
    metadata: Annotated[
        dict[str, Any], Field(description="Any JSON object of 64 KiB at most.")
    ] = {}


class NewEvent(Event):
    """An event as it is sent."""

    event_id: Annotated[
        Annotated[Text, Field(min_length=1, max_length=128)] | None,
        Field(description="The client's own name of the event: repeated, it is one event."),
    ] = None


class StoredEvent(NewEvent):
    """An event as it is stored."""

    recorded_at: Annotated[Instant, Field(description="When it was recorded: filters use this.")]


def metadata_json(metadata: dict[str, Any]) -> str:
    """The metadata as JSON for PostgreSQL.

    Raise Invalid, which names what it cannot keep: NUL, NaN, more than 64 KiB.
    """
    try:
        written = json.dumps(metadata, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    except ValueError:
        written = "NaN"
    if written == "NaN" or "\\u0000" in written:  # the latter also as text of six characters
        for place, message in _problems(metadata):
            raise invalid(message, "metadata", *place)
    if len(written.encode()) > MOST_METADATA:
        raise invalid("metadata may have 64 KiB of JSON at most", "metadata")
    return written


def _problems(value: object, place: _Path = ()) -> Iterator[tuple[_Path, str]]:
    if isinstance(value, float) and not math.isfinite(value):
        yield place, "JSON has no NaN and no Infinity"
    elif isinstance(value, str) and "\0" in value:
        yield place, "text may not hold NUL"
    elif isinstance(value, dict):
        for name, part in value.items():
            if "\0" in name:
                yield (*place, name), "a name may not hold NUL"
            yield from _problems(part, (*place, name))
    elif isinstance(value, list):
        for position, part in enumerate(value):
            yield from _problems(part, (*place, position))
