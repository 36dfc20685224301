"""Corrections over HTTP: made, listed, revoked, refused with the field that is wrong."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from fastapi.testclient import TestClient
from httpx import Response

from openhours.settings import Settings
from tests.helpers.clients import bearer, make_keys, running
from tests.stores.database import add_stores

STRETCH = {"from": "2022-10-07T12:00:00Z", "to": "2022-10-07T16:00:00+02:00"}
WHY = {"treat_as": "excluded", "category": "maintenance", "reason": "the till was updated"}
ALL = STRETCH | WHY | {"all": True}
STORES = {
    "10": {"region": "west", "brand": "x"},
    "9": {"region": "east", "brand": "x"},
    "pc:desk": {},
}


@pytest.fixture
def client(settings: Settings) -> Iterator[TestClient]:
    add_stores(settings, STORES)
    with running(settings) as client:
        yield client


def make(client: TestClient, **changes: Any) -> dict[str, Any]:
    """The answer to a correction of all stores, with changes; None leaves a field out."""
    body = {name: value for name, value in (ALL | changes).items() if value is not None}
    answer = client.post("/corrections", json=body)
    assert answer.status_code == 201, answer.text
    made: dict[str, Any] = answer.json()
    assert answer.headers["location"] == f"/corrections/{made['correction_id']}"
    return made


def refused(answer: Response) -> dict[str, str]:
    assert answer.status_code == 422, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    return {".".join(one["path"]): one["message"] for one in answer.json()["errors"]}


def test_a_correction_is_made_and_says_all_that_was_said(client: TestClient) -> None:
    made = make(client)
    correction_id, made_at = made.pop("correction_id"), made.pop("made_at")
    assert len(correction_id) >= 20
    assert made_at.endswith("Z")
    assert made == {
        "store_ids": None,
        "labels": None,
        "all": True,
        "from": "2022-10-07T12:00:00.000000Z",
        "to": "2022-10-07T14:00:00.000000Z",
        **WHY,
        "made_by": "local",
        "revoked_at": None,
        "revoked_by": None,
    }
    got = client.get(f"/corrections/{correction_id}").json()
    assert got == made | {"correction_id": correction_id, "made_at": made_at}


def test_stores_are_named_by_ids_or_labels(client: TestClient) -> None:
    some = make(client, all=None, store_ids=["9", "pc:desk", "10", "9"])
    assert (some["store_ids"], some["labels"], some["all"]) == (["10", "9", "pc:desk"], None, False)
    labels = {"region": ["west", "east"], "brand": ["x"]}
    labelled = make(client, all=None, labels=labels)
    assert (labelled["store_ids"], labelled["labels"], labelled["all"]) == (None, labels, False)


@pytest.mark.parametrize("changes", [{"all": None}, {"all": False}, {"store_ids": ["9"]}])
def test_exactly_one_of_ids_labels_and_all_is_given(
    client: TestClient, changes: dict[str, Any]
) -> None:
    body = {name: value for name, value in (ALL | changes).items() if value is not None}
    message = {"body": "give exactly one of store_ids, labels and all"}
    assert refused(client.post("/corrections", json=body)) == message


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("to", "2022-10-07T12:00:00Z", "to must be after from"),
        ("to", "2022-10-07T11:59:59.999999Z", "to must be after from"),
        ("from", "2022-10-07T12:00:00", "a time needs its zone"),
        ("from", "yesterday", "not a time in ISO 8601"),
        ("from", "1999-12-31T23:59:59Z", "a time must lie between"),
        ("to", None, "Field required"),
        ("treat_as", "closed", "Input should be 'excluded', 'up' or 'down'"),
        ("category", "weather", "Input should be 'maintenance'"),
        ("reason", " \n ", "String should have at least 1 character"),
        ("reason", "x" * 501, "String should have at most 500 characters"),
        ("reason", "a\0b", "must not contain NUL"),
        ("all", "yes", "Input should be a valid boolean"),
        ("store_ids", [], "List should have at least 1 item"),
        ("labels", {}, "Dictionary should have at least 1 item"),
        ("made_by", "me", "Extra inputs are not permitted"),
    ],
)
def test_a_bad_field_is_named(client: TestClient, field: str, value: Any, message: str) -> None:
    body = ALL | {field: value}
    if value is None:
        del body[field]
    problems = refused(client.post("/corrections", json=body))
    assert problems[f"body.{field}"].startswith(message)
    assert client.get("/corrections").json() == []


def test_unknown_stores_labels_and_values_are_named(client: TestClient) -> None:
    def problems(**which: Any) -> dict[str, str]:
        return refused(client.post("/corrections", json=STRETCH | WHY | which))

    assert problems(store_ids=["9", "17", "PC:desk"]) == {
        "body.store_ids": "unknown store: 17, PC:desk"
    }
    assert problems(labels={"region": ["west", "West", "north"], "zone": ["x"]}) == {
        "body.labels.region": "unknown value of region: West, north",
        "body.labels.zone": "unknown label: zone",
    }
    assert problems(labels={"region": ["x"]}) == {
        "body.labels.region": "unknown value of region: x"
    }
    assert problems(labels={"region": []})["body.labels.region"].startswith("List should have")
    assert client.get("/corrections").json() == []


def test_planned_maintenance_may_lie_ahead(client: TestClient) -> None:
    ahead = {"from": "2999-01-01T00:00:00Z", "to": "2999-01-02T00:00:00Z"}
    assert make(client, **ahead)["to"] == "2999-01-02T00:00:00.000000Z"


def test_the_list_is_paged_from_the_last_made_and_keeps_the_revoked(client: TestClient) -> None:
    ids = [make(client)["correction_id"] for _ in range(5)]
    assert client.delete(f"/corrections/{ids[3]}").status_code == 204
    found: list[dict[str, Any]] = []
    url = "/corrections?limit=2"
    while url:
        answer = client.get(url)
        found += answer.json()
        url = answer.links["next"]["url"] if "next" in answer.links else ""
    assert [one["correction_id"] for one in found] == ids[::-1]
    assert [one["revoked_by"] for one in found] == [None, "local", None, None, None]
    assert refused(client.get("/corrections?cursor=x")) == {
        "query.cursor": "not a cursor of this list"
    }


def test_revoking_is_repeatable_and_the_first_is_kept(settings: Settings) -> None:
    ann, bob = make_keys(settings, [["correct", "report"], ["correct"]])
    with running(settings) as client:
        made = client.post("/corrections", json=ALL, headers=bearer(ann)).json()
        path = f"/corrections/{made['correction_id']}"
        assert made["made_by"] == "correct report"  # the key's name
        assert client.delete(path, headers=bearer(bob)).status_code == 204
        revoked = client.get(path, headers=bearer(ann)).json()
        assert revoked["revoked_by"] == "correct"
        assert client.delete(path, headers=bearer(ann)).status_code == 204
        assert client.get(path, headers=bearer(ann)).json() == revoked
        assert made == revoked | {"revoked_at": None, "revoked_by": None}


def test_of_many_who_revoke_at_once_one_does(settings: Settings) -> None:
    keys = make_keys(settings, [["admin"]] * 8)
    with running(settings) as client:
        made = client.post("/corrections", json=ALL, headers=bearer(keys[0])).json()
        path = f"/corrections/{made['correction_id']}"
        with ThreadPoolExecutor(8) as threads:
            answers = threads.map(lambda key: client.delete(path, headers=bearer(key)), keys)
            assert {answer.status_code for answer in answers} == {204}
        revoked = client.get(path, headers=bearer(keys[0])).json()
    assert revoked["revoked_by"] == "admin"
    assert revoked["revoked_at"] > made["made_at"]


@pytest.mark.parametrize("correction_id", ["nothing", "%20", "a/b"])
def test_what_was_never_made_is_not_found(client: TestClient, correction_id: str) -> None:
    for method in ("GET", "DELETE"):
        assert client.request(method, f"/corrections/{correction_id}").status_code == 404


def test_an_id_with_nul_is_refused(client: TestClient) -> None:
    assert client.delete("/corrections/a%00b").status_code == 422
