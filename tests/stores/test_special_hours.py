"""Special hours over HTTP: listed, set and removed; many who set them at once."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import quote

import pytest
from fastapi.testclient import TestClient
from httpx import Response

from openhours.settings import Settings
from tests.helpers.clients import bearer, make_keys, running
from tests.helpers.database import fetch
from tests.stores.database import add_stores

SLASHED = "chain/7 & more?#%"
DAY = "2024-12-24"


@pytest.fixture
def client(settings: Settings) -> Iterator[TestClient]:
    add_stores(settings, {"a": {}, SLASHED: {}})
    with running(settings) as client:
        yield client


def path(store_id: str, day: str = DAY) -> str:
    return f"/special_hours/{quote(store_id, safe='')}/{day}"


def put(client: TestClient, store_id: str, day: str, *hours: str) -> dict[str, Any]:
    answer = client.put(path(store_id, day), json={"hours": hours})
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def refused(answer: Response) -> dict[str, str]:
    assert answer.status_code == 422, answer.text
    return {".".join(one["path"]): one["message"] for one in answer.json()["errors"]}


@pytest.mark.parametrize("store_id", ["a", "*", SLASHED])
def test_special_hours_are_replaced_and_removed(client: TestClient, store_id: str) -> None:
    two = put(client, store_id, DAY, "14:00-16:00", "9:00-12:00", "09:00-12:00")
    assert two == {"store_id": store_id, "date": DAY, "hours": ["09:00-12:00", "14:00-16:00"]}
    assert client.get("/special_hours").json() == [two]
    closed = put(client, store_id, DAY)
    assert closed["hours"] == []
    assert client.get("/special_hours").json() == [closed]
    assert client.delete(path(store_id)).status_code == 204
    assert client.get("/special_hours").json() == []
    assert client.delete(path(store_id)).status_code == 404


def test_the_list_is_paged_from_the_last_date(client: TestClient, database_url: str) -> None:
    made = [
        put(client, store_id, day, "9:00-12:00")
        for day in ("1900-01-01", DAY, "9998-12-31")
        for store_id in ("*", "a", SLASHED)
    ]
    # A file may say closed beside other rows: it says nothing.
    fetch(database_url, f"INSERT INTO special_hours VALUES (0, '{DAY}', -1, -1)")
    found: list[dict[str, Any]] = []
    url = "/special_hours?limit=2"
    while url:
        answer = client.get(url)
        found += answer.json()
        url = answer.links["next"]["url"] if "next" in answer.links else ""
    assert found == made[::-1]
    of_one = client.get("/special_hours", params={"store_id": "*", "limit": 1})
    assert of_one.json() == [made[6]]
    assert client.get(of_one.links["next"]["url"]).json() == [made[3]]
    assert refused(client.get("/special_hours?cursor=WzFd")) == {
        "query.cursor": "not a cursor of this list"
    }


@pytest.mark.parametrize(
    ("store_id", "day", "body", "field", "message"),
    [
        ("nobody", DAY, {"hours": []}, "path.store_id", "unknown store: nobody"),
        ("a", "2024-13-24", {"hours": []}, "path.date", "not a date between 1900 and 9998"),
        ("a", "1735084800", {"hours": []}, "path.date", "not a date between 1900 and 9998"),
        ("a", DAY, {"hours": ["9:00-12:00", "9-12"]}, "body.hours.1", "'9-12' is not a time range"),
        ("a", DAY, {"hours": ["9:00-12:00"] * 21}, "body.hours", "List should have at most 20"),
        ("a", DAY, {}, "body.hours", "Field required"),
        ("a", DAY, {"hours": [], "closed": True}, "body.closed", "Extra inputs are not permitted"),
    ],
)
def test_what_is_wrong_is_named(
    client: TestClient, store_id: str, day: str, body: Any, field: str, message: str
) -> None:
    problems = refused(client.put(path(store_id, day), json=body))
    assert problems[field].startswith(message)
    assert client.get("/special_hours").json() == []
    unknown = {"query.store_id": "unknown store: nobody"}
    assert refused(client.get("/special_hours?store_id=nobody")) == unknown


@pytest.mark.parametrize("store_id", ["a", "*"])
def test_of_many_who_set_a_date_at_once_the_last_one_counts(
    client: TestClient, store_id: str
) -> None:
    hours = [f"0{n}:00-12:00" for n in range(8)]
    put(client, store_id, DAY, "20:00-21:00")
    with ThreadPoolExecutor(8) as threads:
        list(threads.map(lambda one: put(client, store_id, DAY, one), hours))
    (left,) = client.get("/special_hours").json()
    assert len(left["hours"]) == 1
    assert left["hours"][0] in hours


def test_who_uploads_hours_may_set_them_and_who_reads_reports_may_read_them(
    settings: Settings,
) -> None:
    ingest, report = (bearer(key) for key in make_keys(settings, [["ingest"], ["report"]]))
    with running(settings) as client:
        body: dict[str, list[str]] = {"hours": []}
        assert client.put(path("*"), json=body, headers=report).status_code == 403
        assert client.put(path("*"), json=body, headers=ingest).status_code == 200
        assert client.get("/special_hours", headers=report).json()[0]["store_id"] == "*"
        assert client.delete(path("*"), headers=report).status_code == 403
