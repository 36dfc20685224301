"""The OpenAPI description may only grow: clients that were generated from it go on working.

docs/openapi.json is what was promised; `make openapi` writes it, unless something is lost.
"""

import json
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
from tools import openapi
from tools.openapi import PROMISED, all_lost, description


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


@pytest.mark.slow
def test_what_is_promised_cannot_be_written_over(
    promised: dict[str, Any], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    promised["paths"]["/gone"] = {"get": {"operationId": "get_gone", "responses": {}}}
    file = tmp_path / "openapi.json"
    file.write_text(json.dumps(promised))
    monkeypatch.setattr(openapi, "PROMISED", file)
    with pytest.raises(SystemExit, match=r"paths//gone"):
        openapi.main()
    assert json.loads(file.read_text()) == promised
    file.unlink()
    openapi.main()
    assert json.loads(file.read_text()) == description()


@pytest.mark.slow
def test_every_error_is_a_problem_but_those_that_say_more() -> None:
    found = description()
    for path, operations in found["paths"].items():
        for operation in operations.values():
            for code, answer in operation["responses"].items():
                assert int(code) < 400 or answer["content"], (path, code)
    answers = found["paths"]["/get_report"]["get"]["responses"]
    problem = {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}
    assert answers["404"]["content"] == problem
    assert {"X-Report-Status", "Repr-Digest", "ETag"} < answers["200"]["headers"].keys()
    assert "Retry-After" in answers["429"]["headers"]
    assert {"206", "416"} < answers.keys()


@pytest.mark.slow
def test_a_client_can_wait_for_a_report_and_turn_pages() -> None:
    paths = description()["paths"]
    for path in ("/get_report", "/get_report/{report_id}"):
        assert "Prefer" in [one["name"] for one in paths[path]["get"]["parameters"]]
    assert "Link" in paths["/reports"]["get"]["responses"]["200"]["headers"]


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


def test_a_field_of_a_request_that_may_be_longer_or_left_out_is_fine(
    promised: dict[str, Any], newer: dict[str, Any]
) -> None:
    schema = _path(newer, "components", "schemas", "Credentials")
    username = schema["properties"]["username"]
    username["maxLength"] = (
        _path(promised, "components", "schemas", "Credentials")["properties"]["username"][
            "maxLength"
        ]
        + 1
    )
    schema["required"].remove("password")
    assert all_lost(promised, newer) == []
    del username["maxLength"]
    assert all_lost(promised, newer) == []
    username["maxLength"] = 1
    assert len(all_lost(promised, newer)) == 1


def test_an_operation_that_needs_a_key_from_now_on_is_found(
    promised: dict[str, Any], newer: dict[str, Any]
) -> None:
    health = _path(newer, "paths", "/health", "get")
    assert health["security"] == []
    health["security"] = [{"key": []}]
    assert all_lost(promised, newer) == ["paths//health/get/security: a key is needed"]


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
