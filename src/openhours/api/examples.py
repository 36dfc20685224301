"""Instants in the OpenAPI description's examples: what `/docs` sends must make sense when sent."""

import json
from datetime import timedelta
from typing import Any

from openhours.times import iso, now

# To be written where an example of a request needs an instant.
NOW = "<now>"
HOUR_AGO = "<an hour ago>"


def with_present_instants(schema: dict[str, Any]) -> dict[str, Any]:
    """Return the OpenAPI description with the present minute in its examples."""
    minute = now().replace(second=0, microsecond=0)
    text = json.dumps(schema)
    for placeholder, instant in ((NOW, minute), (HOUR_AGO, minute - timedelta(hours=1))):
        text = text.replace(placeholder, iso(instant))
    filled: dict[str, Any] = json.loads(text)
    return filled
