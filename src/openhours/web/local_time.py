"""Local times from forms: what a person typed is meant in the zone that the page names."""

from datetime import datetime
from typing import Annotated

import pytz
from fastapi import Form, Query, Request

from openhours.errors import invalid
from openhours.web.formatting import from_wall, on_wall, zone_of

# The zone that the form's page named: the visitor's may be known only since then.
FormZone = Annotated[str, Form(alias="zone", max_length=100)]
QueryZone = Annotated[str, Query(alias="zone", max_length=100)]


def named_zone(request: Request, name: str) -> str:
    """The zone that a form named, or the visitor's."""
    return name if name in pytz.all_timezones_set else zone_of(request)


def shown_again(instant: datetime | None, zone: str) -> str:
    """What an input for minutes shows of an instant, if any."""
    return "" if instant is None else on_wall(instant, zone)[:16]


def instant_of(field: str, text: str, zone: str, place: str = "query") -> datetime | None:
    """The instant, None for an empty field; raise Invalid, which names the field."""
    if not text:
        return None
    try:
        return from_wall(text, zone)
    except ValueError:
        raise invalid(
            f"not a local time, such as 2024-03-31T08:30: {text!r}", place, field
        ) from None
