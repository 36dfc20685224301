"""Local times from forms: what a person typed is meant in the zone that the page names."""

from datetime import datetime

from openhours.http import invalid
from openhours.web.shown import from_wall


def instant_of(field: str, text: str, zone: str, place: str = "query") -> datetime | None:
    """The instant, None for an empty field; RequestValidationError names the field."""
    if not text:
        return None
    try:
        return from_wall(text, zone)
    except ValueError:
        raise invalid(
            place, field, message=f"not a local time, such as 2024-03-31T08:30: {text!r}"
        ) from None
