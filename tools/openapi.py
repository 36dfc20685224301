"""The OpenAPI description that clients are promised: `make openapi` writes it.

It may only grow: clients that were generated from it go on working.
"""

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from openhours.app import create_app

PROMISED = Path(__file__).parents[1] / "docs" / "openapi.json"
_CONSTRAINTS = {
    "additionalProperties",
    "enum",
    "exclusiveMaximum",
    "exclusiveMinimum",
    "format",
    "maxItems",
    "maxLength",
    "maximum",
    "minItems",
    "minLength",
    "minimum",
    "pattern",
    "required",
}
# Of a request these may grow, and those may shrink.
_AT_MOST = {"exclusiveMaximum", "maxItems", "maxLength", "maximum"}
_AT_LEAST = {"exclusiveMinimum", "minItems", "minLength", "minimum"}
# Prose, and what helps nobody's code.
_TEXTS = {"description", "summary", "title", "example", "examples", "default", "info"}


def description() -> dict[str, Any]:
    """Return the description, the same in each installation and at each time."""
    found: dict[str, Any] = json.loads(json.dumps(create_app().openapi()))
    found.pop("servers", None)  # where this installation is reached
    return found


def lost(old: Any, new: Any, of_a_request: bool, where: str = "") -> Iterator[str]:
    """Yield where `new` lacks or forbids what `old` has."""
    if isinstance(old, dict) and isinstance(new, dict):
        for key in old.keys() - _TEXTS:
            here = f"{where}/{key}"
            bounds = of_a_request and not where.endswith("/properties")
            if key not in new:
                if not (bounds and key in _CONSTRAINTS):
                    yield here
            elif bounds and key in _AT_MOST | _AT_LEAST:
                if (new[key] < old[key]) == (key in _AT_MOST) and new[key] != old[key]:
                    yield f"{here}: {old[key]} is {new[key]}"
            elif key == "required" and isinstance(old[key], list):
                more, less = (new[key], old[key]) if of_a_request else (old[key], new[key])
                yield from (f"{here}: {name}" for name in set(more) - set(less))
            else:
                in_request = of_a_request or key in ("parameters", "requestBody")
                yield from lost(old[key], new[key], in_request, here)
        if (body := new.get("requestBody")) and body.get("required") and "requestBody" not in old:
            yield f"{where}/requestBody is required"
        if of_a_request:
            yield from (f"{where}/{key} is new" for key in (new.keys() - old.keys()) & _CONSTRAINTS)
    elif isinstance(old, list) and isinstance(new, list):
        yield from _lost_of_list(old, new, of_a_request, where)
    elif old != new:
        yield f"{where}: {old} is {new}"


def _lost_of_list(old: list[Any], new: list[Any], of_a_request: bool, where: str) -> Iterator[str]:
    named = {item["name"]: item for item in new if isinstance(item, dict) and "name" in item}
    for item in old:
        if isinstance(item, dict) and item.get("name") in named:
            here = f"{where}/{item['name']}"
            yield from lost(item, named[item["name"]], of_a_request, here)
        elif all(any(lost(item, other, of_a_request)) for other in new):
            yield f"{where}: {item}"
    if where.endswith("/security") and new and not old:
        yield f"{where}: a key is needed"
    if where.endswith("/parameters"):
        before = {item["name"] for item in old}
        yield from (
            f"{where}: {name} is required"
            for name, item in named.items()
            if item.get("required") and name not in before
        )


def schemas_of_requests(document: dict[str, Any]) -> set[str]:
    """Return the names of the schemas that requests use, directly or within others."""
    schemas = document["components"]["schemas"]
    found: set[str] = set()
    waiting = [
        operation[part]
        for operations in document["paths"].values()
        for operation in operations.values()
        for part in ("parameters", "requestBody")
        if part in operation
    ]
    while waiting:
        text = json.dumps(waiting.pop())
        names = {name for name in schemas if f'schemas/{name}"' in text}
        waiting += [schemas[name] for name in names - found]
        found |= names
    return found


def all_lost(old: dict[str, Any], new: dict[str, Any]) -> list[str]:
    """Return where a newer description breaks what clients of an older one do."""
    sent = schemas_of_requests(old)
    schemas, newer = old["components"]["schemas"], new["components"]["schemas"]
    found = [*lost(old["paths"], new["paths"], False, "paths")]
    for name, schema in schemas.items():
        found += lost(schema, newer.get(name), name in sent, f"schemas/{name}")
    return found


def main() -> None:
    """Write the description; refuse to if something that was promised is lost."""
    found = description()
    broken = all_lost(json.loads(PROMISED.read_text()), found) if PROMISED.exists() else []
    if broken:
        sys.exit(
            "Clients that were made from docs/openapi.json would break:\n"
            + "\n".join(f"  {where}" for where in broken)
            + "\nBring it back, or remove the file first if it must be."
        )
    PROMISED.write_text(json.dumps(found, indent=1, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    main()
