"""Instants in the OpenAPI description's examples: what `/docs` sends must make sense when sent."""

import json
from datetime import timedelta
from typing import Any

from fastapi import FastAPI

from openhours.times import iso, now

# To be written where an example of a request needs an instant.
NOW = "<now>"
HOUR_AGO = "<an hour ago>"


def keep_examples_fresh(app: FastAPI) -> None:
    """Let each reader of the OpenAPI description find the present minute in its examples."""
    fixed = app.openapi

    def fresh() -> dict[str, Any]:
        minute = now().replace(second=0, microsecond=0)
        text = json.dumps(fixed())
        for placeholder, instant in ((NOW, minute), (HOUR_AGO, minute - timedelta(hours=1))):
            text = text.replace(placeholder, iso(instant))
        filled: dict[str, Any] = json.loads(text)
        return filled

    app.openapi = fresh  # type: ignore[method-assign]
