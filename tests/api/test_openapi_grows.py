"""The OpenAPI description may only grow: clients that were generated from it go on working.

docs/openapi.json is what was promised; `make openapi` writes it.
"""

import json
from collections.abc import Iterator
from copy import deepcopy
from typing import Any

import pytest
from tools.openapi import PROMISED, description

# Prose, and what helps nobody's code.
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
_TEXTS = {"description", "summary", "title", "example", "examples", "default", "info"}


def lost(old: Any, new: Any, of_a_request: bool, where: str = "") -> Iterator[str]:
    """Yield where `new` lacks or forbids what `old` has."""
    if isinstance(old, dict) and isinstance(new, dict):
        for key in old.keys() - _TEXTS:
            here = f"{where}/{key}"
            if key not in new:
                yield here
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


@pytest.fixture
def promised() -> dict[str, Any]:
    found: dict[str, Any] = json.loads(PROMISED.read_text())
    return found


@pytest.fixture
def newer(promised: dict[str, Any]) -> dict[str, Any]:
    return deepcopy(promised)


@pytest.mark.slow
def test_nothing_that_was_promised_is_lost(promised: dict[str, Any]) -> None:
    assert all_lost(promised, description()) == []


@pytest.mark.slow
def test_what_was_added_is_promised_from_now_on(promised: dict[str, Any]) -> None:
    assert all_lost(description(), promised) == [], "run `make openapi`"


@pytest.mark.slow
def test_operations_have_short_names_of_their_own() -> None:
    operations = [one for path in description()["paths"].values() for one in path.values()]
    names = [operation["operationId"] for operation in operations]
    assert len(set(names)) == len(names)
    assert max(map(len, names)) <= 25


@pytest.mark.slow
def test_every_answer_says_what_it_holds() -> None:
    for path, operations in description()["paths"].items():
        for operation in operations.values():
            for code, answer in operation["responses"].items():
                for content in answer.get("content", {}).values():
                    assert content["schema"], (path, code)


def _path(document: dict[str, Any], *keys: str) -> Any:
    for key in keys:
        document = document[key]
    return document


TRIGGER = ("paths", "/trigger_report", "post")
TRIGGERED = ("components", "schemas", "Triggered")


@pytest.mark.parametrize(
    ("at", "key"),
    [
        (("paths",), "/get_report"),
        (("paths", "/get_report"), "get"),
        ((*TRIGGER,), "operationId"),
        ((*TRIGGER, "responses"), "202"),
        ((*TRIGGERED, "properties"), "report_id"),
        ((*TRIGGERED,), "required"),
    ],
)
def test_what_is_taken_away_is_found(
    promised: dict[str, Any], newer: dict[str, Any], at: tuple[str, ...], key: str
) -> None:
    del _path(newer, *at)[key]
    assert all_lost(promised, newer)
    assert not all_lost(newer, promised), "what is added is fine"


def test_a_request_that_must_say_more_is_found(
    promised: dict[str, Any], newer: dict[str, Any]
) -> None:
    _path(newer, "components", "schemas", "Credentials")["required"].append("email")
    assert all_lost(promised, newer) == ["schemas/Credentials/required: email"]


def test_a_field_of_a_request_that_is_bounded_from_now_on_is_found(
    promised: dict[str, Any], newer: dict[str, Any]
) -> None:
    username = _path(newer, "components", "schemas", "Credentials", "properties", "username")
    username["pattern"] = "^[a-z]+$"
    where = "schemas/Credentials/properties/username/pattern is new"
    assert all_lost(promised, newer) == [where]


def test_a_body_that_must_be_sent_from_now_on_is_found(
    promised: dict[str, Any], newer: dict[str, Any]
) -> None:
    del _path(promised, "paths", "/api/event", "post")["requestBody"]
    assert all_lost(promised, newer)


def test_a_value_that_is_no_longer_taken_is_found(
    promised: dict[str, Any], newer: dict[str, Any]
) -> None:
    parameters = _path(newer, "paths", "/get_report", "get", "parameters")
    (detail,) = (one for one in parameters if one["name"] == "detail")
    detail["schema"]["enum"].remove("full")
    assert all_lost(promised, newer)


def test_a_parameter_that_must_be_given_from_now_on_is_found(
    promised: dict[str, Any], newer: dict[str, Any]
) -> None:
    _path(newer, "paths", "/stats", "get", "parameters").append(
        {"name": "zone", "in": "query", "required": True, "schema": {"type": "string"}}
    )
    assert all_lost(promised, newer)
