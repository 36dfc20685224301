"""Completing the OpenAPI description: schemas of files, and present instants in examples."""

from datetime import timedelta
from typing import Any

from openhours.times import iso, now

# To be written where an example of a request needs an instant.
NOW = "<now>"
HOUR_AGO = "<an hour ago>"


def describe_files(schema: dict[str, Any]) -> None:
    """Give each answer without a schema that of a file, for clients made from the description."""
    for operations in schema["paths"].values():
        for operation in operations.values():
            for answer in operation["responses"].values():
                for media, content in answer.get("content", {}).items():
                    if not content.get("schema"):
                        binary = {} if media.startswith("text/") else {"format": "binary"}
                        content["schema"] = {"type": "string", **binary}


def with_present_instants(description: bytes) -> bytes:
    """Return the OpenAPI description, which is JSON, with the present minute in its examples.

    What `/docs` sends must make sense when it is sent.
    """
    minute = now().replace(second=0, microsecond=0)
    for placeholder, instant in ((NOW, minute), (HOUR_AGO, minute - timedelta(hours=1))):
        description = description.replace(placeholder.encode(), iso(instant).encode())
    return description
