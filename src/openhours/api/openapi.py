"""Completing the OpenAPI description: what answers hold, and present instants in examples."""

from datetime import timedelta
from typing import Any

from openhours.api.error_responses import error_response
from openhours.times import iso, now

# To be written where an example of a request needs an instant.
NOW = "<now>"
HOUR_AGO = "<an hour ago>"


def header(description: str, type_: str = "string") -> dict[str, Any]:
    """Return the OpenAPI description of a header of an answer."""
    return {"description": description, "schema": {"type": type_}}


def header_parameter(name: str, description: str) -> dict[str, Any]:
    """Return the OpenAPI description of a header of a request that the route reads by itself."""
    return {"name": name, "in": "header", "description": description, "schema": {"type": "string"}}


_RETRY_AFTER = header("When to try again, in seconds.", "integer")
_LINK = header('The address of the next page, with `rel="next"`; not on the last one.')


def describe_answers(schema: dict[str, Any]) -> None:
    """Say of each answer what it holds, for clients made from the description.

    A file, or a problem, where routes say nothing else; and the headers that many have.
    """
    for operations in schema["paths"].values():
        for operation in operations.values():
            for code, answer in operation["responses"].items():
                if int(code) >= 400 and "content" not in answer:
                    answer.update(error_response(answer["description"]))
                if code in ("429", "503"):
                    answer.setdefault("headers", {})["Retry-After"] = _RETRY_AFTER
                for media, content in answer.get("content", {}).items():
                    if not content.get("schema"):
                        binary = {} if media.startswith("text/") else {"format": "binary"}
                        content["schema"] = {"type": "string", **binary}
            if any(one["name"] == "cursor" for one in operation.get("parameters", [])):
                operation["responses"]["200"].setdefault("headers", {})["Link"] = _LINK


def with_present_instants(description: bytes) -> bytes:
    """Return the OpenAPI description, which is JSON, with the present minute in its examples.

    What `/docs` sends must make sense when it is sent.
    """
    minute = now().replace(second=0, microsecond=0)
    for placeholder, instant in ((NOW, minute), (HOUR_AGO, minute - timedelta(hours=1))):
        description = description.replace(placeholder.encode(), iso(instant).encode())
    return description
