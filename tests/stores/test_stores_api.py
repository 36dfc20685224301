"""The list of stores over HTTP: with their labels, searched and filtered, in pages."""

from collections.abc import Iterator
from typing import Any

import pytest
from fastapi.testclient import TestClient

from openhours.settings import Settings
from tests.helpers.clients import running
from tests.helpers.html import get_page
from tests.stores.database import add_stores

STORES = {
    "10": {"region": "west", "brand": "x", "name": "Elm Street"},
    "9": {"region": "east", "brand": "x"},
    "8_%": {"region": "west", "brand": "y"},
    "pc:desk": {"name": "the desk in Elm Street"},
    "7": {},
}


@pytest.fixture
def client(settings: Settings) -> Iterator[TestClient]:
    add_stores(settings, STORES)
    with running(settings) as client:
        beat = {"pc": "desk", "event_time": "2022-10-07T12:00:00Z"}
        assert client.post("/track", json=beat).status_code == 201
        yield client


def found(client: TestClient, **params: Any) -> list[str]:
    answer = client.get("/api/stores", params=params)
    assert answer.status_code == 200, answer.text
    return [store["store_id"] for store in answer.json()]


def test_stores_have_their_labels(client: TestClient) -> None:
    stores = {store.pop("store_id"): store for store in client.get("/api/stores").json()}
    assert {store_id: store["labels"] for store_id, store in stores.items()} == STORES
    assert stores["pc:desk"]["first_observed_at"] == "2022-10-07T12:00:00.000000Z"
    assert stores["pc:desk"]["feed"] == "beating"
    assert stores["7"] == dict.fromkeys(("feed", "timezone", "first_observed_at")) | {"labels": {}}


@pytest.mark.parametrize(
    ("params", "stores"),
    [
        ({}, ["10", "7", "8_%", "9", "pc:desk"]),
        ({"q": "elm s"}, ["10", "pc:desk"]),
        ({"q": "_%"}, ["8_%"]),
        ({"q": "west"}, []),
        ({"feed": "beating"}, ["pc:desk"]),
        ({"label": "region=west"}, ["10", "8_%"]),
        ({"label": ["region=west", "region=east", "brand=x"]}, ["10", "9"]),
        ({"label": ["region=west", "brand=x"], "q": "9"}, []),
    ],
)
def test_the_api_and_the_page_find_the_same(
    client: TestClient, params: dict[str, Any], stores: list[str]
) -> None:
    assert found(client, **params) == stores
    assert get_page(client, "/stores", **params).texts("table.stores tbody th a") == stores


def test_pages_lead_from_one_to_the_next(client: TestClient) -> None:
    answer = client.get("/api/stores", params={"limit": 1, "label": ["region=west"]})
    path = answer.headers["link"].partition("<")[2].partition(">")[0]
    following = client.get(path)
    assert [store["store_id"] for store in following.json()] == ["8_%"]
    assert "link" not in following.headers


@pytest.mark.parametrize(
    ("params", "path", "message"),
    [
        ({"label": "region"}, ["query", "label"], "not a label, such as region=west: 'region'"),
        ({"label": "area=west"}, ["query", "label"], "unknown label: area"),
        ({"label": "region=north"}, ["query", "label"], "unknown value of region: north"),
        ({"feed": "pc"}, ["query", "feed"], "'polled' or 'beating'"),
        ({"limit": 0}, ["query", "limit"], "greater than or equal to 1"),
    ],
)
def test_what_is_wrong_is_named(
    client: TestClient, params: dict[str, Any], path: list[str], message: str
) -> None:
    answer = client.get("/api/stores", params=params)
    assert answer.status_code == 422
    (error,) = answer.json()["errors"]
    assert error["path"] == path
    assert message in error["message"]


def test_a_time_line_and_its_explanation_carry_the_labels(client: TestClient) -> None:
    address = "/api/stores/pc%3Adesk"
    as_of = "2022-10-07T13:00:00Z"
    line = client.get(f"{address}/timeline", params={"as_of": as_of}).json()
    at = {"as_of": as_of, "at": "2022-10-07T12:30:00Z"}
    why = client.get(f"{address}/explain", params=at).json()
    assert line["labels"] == why["labels"] == STORES["pc:desk"]
    pc = "desk the desk in Elm Street"
    assert get_page(client, "/pcs").text("h1") == pc
    assert client.post("/track", json={"pc": "other"}).status_code == 201
    assert pc in get_page(client, "/pcs").texts("[aria-label=PCs] th[scope=row]")
