"""Work sessions over HTTP."""

import csv
import io
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

import pytest
from fastapi.testclient import TestClient

from openhours.settings import Settings
from tests.helpers.clients import PASSWORD, bearer, register, running

SESSIONS = "/api/v1/sessions"


class Ann(NamedTuple):
    """A client that is logged in as ann."""

    client: TestClient

    def save(self, name: str, created_at: str, ms: int, **headers: str) -> dict[str, Any]:
        body = {"username": "ann", "name": name, "time": ms, "createdAt": created_at}
        answer = self.client.post(f"{SESSIONS}/new", json=body, headers=headers)
        assert answer.status_code == 200, answer.text
        saved: dict[str, Any] = answer.json()
        return saved

    def list(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.client.get(f"{SESSIONS}/ann").json()["sessions"]
        return found

    def overview(self, **params: str) -> dict[str, Any]:
        answer = self.client.get(f"{SESSIONS}/ann/overview", params=params)
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()
        return found


@pytest.fixture
def ann(settings: Settings) -> Iterator[Ann]:
    with running(settings) as client:
        client.headers.update(bearer(register(client, "ann")["token"]))
        yield Ann(client)


def test_what_a_browser_client_does(settings: Settings) -> None:
    with running(settings) as client:
        body = {"username": "zoe", "password": PASSWORD}
        assert client.post("/api/v1/user/register", json=body).status_code == 200
        user = client.post("/api/v1/user/login", json=body).json()["user"]
        client.headers["Authorization"] = f"Bearer {user['token']}"
        for name, created_at in (
            ("ISO", "2019-12-01T03:39:45.123Z"),
            ("JavaScript", "Mon Dec 02 2019 09:09:45 GMT+0530 (India Standard Time)"),
        ):
            new = {"username": "zoe", "name": name, "time": 90_000, "createdAt": created_at}
            assert client.post(f"{SESSIONS}/new", json=new).status_code == 200
        answer = client.get(f"{SESSIONS}/zoe").json()
    assert set(answer) == {"sessions"}
    later, earlier = answer["sessions"]
    assert later.pop("id") > earlier.pop("id") > 0
    assert later == {
        "username": "zoe",
        "name": "JavaScript",
        "time": 90_000,
        "createdAt": "2019-12-02T03:39:45.000000Z",
        "running": False,
        "long": False,
    }
    assert earlier["createdAt"] == "2019-12-01T03:39:45.123000Z"


def test_start_and_stop(ann: Ann) -> None:
    started = ann.client.post(f"{SESSIONS}/ann/start", json={"name": "now"})
    assert started.status_code == 200
    first = started.json()
    assert first["running"] is True
    age = datetime.now(UTC) - datetime.fromisoformat(first["createdAt"])
    assert abs(age) < timedelta(seconds=10)

    again = ann.client.post(f"{SESSIONS}/ann/start")
    assert again.status_code == 409
    assert again.json()["session"]["id"] == first["id"]

    time.sleep(0.05)
    assert ann.list()[0]["time"] >= 50
    stopped = ann.client.post(f"{SESSIONS}/ann/stop").json()
    assert (stopped["id"], stopped["running"], stopped["time"] >= 50) == (first["id"], False, True)
    assert ann.client.post(f"{SESSIONS}/ann/stop").status_code == 409
    assert ann.client.post(f"{SESSIONS}/ann/start").json()["id"] != first["id"]


def test_an_idempotency_key_gives_the_same_answer(ann: Ann) -> None:
    key = {"Idempotency-Key": "tab 1"}
    start = f"{SESSIONS}/ann/start"
    first = ann.client.post(start, headers=key)
    assert ann.client.post(start, headers=key).json() == first.json()
    assert ann.client.post(start, headers={"Idempotency-Key": "tab 2"}).status_code == 409
    assert ann.client.post(start, headers=key, json={"name": "other"}).status_code == 422
    stop = {"Idempotency-Key": "stop 1"}
    stopped = ann.client.post(f"{SESSIONS}/ann/stop", headers=stop).json()
    assert ann.client.post(f"{SESSIONS}/ann/stop", headers=stop).json() == stopped
    save = {"Idempotency-Key": "save 1"}
    saved = ann.save("once", "2024-01-01T00:00:00Z", 5, **save)
    assert ann.save("once", "2024-01-01T00:00:00Z", 5, **save) == saved
    assert len(ann.list()) == 2
    for bad in ("", "x" * 256, "\x7f"):
        assert ann.client.post(start, headers={"Idempotency-Key": bad}).status_code == 422


def test_change_and_delete(ann: Ann) -> None:
    saved = ann.save("draft", "2024-01-01T10:00:00Z", 1000)
    path = f"{SESSIONS}/ann/{saved['id']}"
    changed = ann.client.patch(path, json={"name": "final", "time": 2000}).json()
    assert (changed["name"], changed["time"], changed["createdAt"]) == (
        "final", 2000, saved["createdAt"],
    )  # fmt: skip
    moved = ann.client.patch(path, json={"createdAt": "2024-01-01T11:00:00+01:00"}).json()
    assert moved["createdAt"] == "2024-01-01T10:00:00.000000Z"
    assert ann.client.patch(path, json={}).json() == moved
    assert ann.client.patch(path, json={"running": True}).status_code == 422

    live = ann.client.post(f"{SESSIONS}/ann/start").json()
    live_path = f"{SESSIONS}/ann/{live['id']}"
    earlier = datetime.now(UTC) - timedelta(hours=13)
    assert ann.client.patch(live_path, json={"time": 5}).status_code == 409
    forgotten = ann.client.patch(live_path, json={"createdAt": earlier.isoformat()}).json()
    assert (forgotten["running"], forgotten["long"]) == (True, True)

    assert ann.client.delete(live_path).status_code == 204
    assert ann.client.delete(live_path).status_code == 404
    assert [one["id"] for one in ann.list()] == [saved["id"]]
    for number in ("0", "x", str(2**63), "1.5"):
        assert ann.client.delete(f"{SESSIONS}/ann/{number}").status_code == 422


@pytest.mark.parametrize(
    ("sent", "kept"), [(1234.5, 1234), (1235.5, 1236), (1234.51, 1235), (0.4, 0), (5.0, 5), (7, 7)]
)
def test_a_fraction_of_a_millisecond_is_rounded_half_to_even(
    ann: Ann, sent: float, kept: int
) -> None:
    body = {"username": "ann", "name": "", "time": sent, "createdAt": "2024-01-01T10:00:00Z"}
    saved = ann.client.post(f"{SESSIONS}/new", json=body)
    assert saved.status_code == 200
    assert saved.json()["time"] == kept
    path = f"{SESSIONS}/ann/{saved.json()['id']}"
    changed = ann.client.patch(path, json={"time": sent + 2})
    assert changed.json()["time"] == kept + 2
    assert ann.list()[0]["time"] == kept + 2


def test_another_users_sessions_cannot_even_be_guessed(ann: Ann) -> None:
    saved = ann.save("mine", "2024-01-01T10:00:00Z", 1000)
    bob = bearer(register(ann.client, "bob")["token"])
    for path in (f"{SESSIONS}/ann/{saved['id']}", f"{SESSIONS}/nobody/{saved['id']}"):
        assert ann.client.delete(path, headers=bob).status_code == 403
    assert ann.client.delete(f"{SESSIONS}/bob/{saved['id']}", headers=bob).status_code == 404
    theirs = {"username": "ann", "name": "", "time": 0, "createdAt": "2024-01-01T00:00:00Z"}
    assert ann.client.post(f"{SESSIONS}/new", json=theirs, headers=bob).status_code == 403
    assert ann.client.get(f"{SESSIONS}/ANN").status_code == 200
    assert len(ann.list()) == 1


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("time", -1),
        ("time", 10**30),
        ("time", -0.5),
        ("time", 366 * 86_400_000 + 0.4),
        ("time", 1e300),
        ("time", "5"),
        ("time", True),
        ("time", None),
        ("createdAt", "2024-01-01T10:00:00"),
        ("createdAt", "yesterday"),
        ("createdAt", 5),
        ("name", "a\0b"),
        ("name", "x" * 201),
        ("name", {}),
        ("username", None),
    ],
)
def test_bad_fields_are_named(ann: Ann, field: str, value: object) -> None:
    body = {"username": "ann", "name": "", "time": 0, "createdAt": "2024-01-01T10:00:00Z"}
    answer = ann.client.post(f"{SESSIONS}/new", json=body | {field: value})
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["path"] == ["body", field]


def test_overview_in_the_users_zone(ann: Ann) -> None:
    ann.client.patch("/api/v1/user", json={"timezone": "Europe/Berlin"})
    # From 22:00 before the short day to 04:00 of it: 2 h, and 3 h because 02:00 to 03:00 is none.
    night = ann.save("night", "2024-03-30T21:00:00Z", 5 * 3_600_000)
    other = ann.save("other", "2024-03-31T00:30:00Z", 3_600_000)
    found = ann.overview(by="day", **{"from": "2024-03-30", "to": "2024-04-01"})
    assert (found["from"], found["to"]) == (
        "2024-03-29T23:00:00.000000Z", "2024-03-31T22:00:00.000000Z",
    )  # fmt: skip
    assert [(one["date"], one["time"] / 3_600_000) for one in found["periods"]] == [
        ("2024-03-30", 2), ("2024-03-31", 4),
    ]  # fmt: skip
    assert found["names"] == [
        {"name": "night", "time": 18_000_000}, {"name": "other", "time": 3_600_000},
    ]  # fmt: skip
    (overlap,) = found["overlaps"]
    assert (overlap["time"], overlap["sessions"]) == (3_600_000, [night["id"], other["id"]])
    assert overlap["names"] == ["night", "other"]
    assert (found["time"], found["time_without_overlaps"]) == (21_600_000, 18_000_000)

    ann.client.patch("/api/v1/user", json={"timezone": "UTC"})
    moved = ann.overview(by="day", **{"from": "2024-03-30", "to": "2024-04-01"})
    assert [one["time"] / 3_600_000 for one in moved["periods"]] == [3, 3]
    (month,) = ann.overview(by="month", **{"from": "2024-03-31T01:00:00Z", "to": "2024-04-01"})[
        "periods"
    ]
    assert (month["date"], month["time"] / 3_600_000) == ("2024-03-01", 1.5)


def test_overview_without_a_range_ends_today_and_counts_what_runs(ann: Ann) -> None:
    live = ann.client.post(f"{SESSIONS}/ann/start", json={"name": "live"}).json()
    start = datetime.now(UTC) - timedelta(hours=13)
    ann.client.patch(f"{SESSIONS}/ann/{live['id']}", json={"createdAt": start.isoformat()})
    for by, count in (("day", 7), ("week", 8), ("month", 12)):
        found = ann.overview(by=by)
        assert len(found["periods"]) == count
        assert 13 * 3_600_000 <= found["time"] < 13 * 3_600_000 + 60_000
        assert found["long"] == [live["id"]]
    for bad in (
        {"from": "2024-01-02", "to": "2024-01-01"},
        {"from": "2000-01-01", "to": "2024-01-01"},
        {"from": "0001-01-01"},
        {"from": "2024-13-01"},
        {"from": "2024-01-01T00:00:00"},
        {"to": "2000-01-01", "from": "9999-01-01"},
        {"by": "year"},
    ):
        answer = ann.client.get(f"{SESSIONS}/ann/overview", params=bad)
        assert answer.status_code == 422, bad
        assert answer.json()["errors"][0]["path"][0] == "query"


def test_export_and_pages(ann: Ann) -> None:
    ann.save('a "quoted", name\nof two lines', "2024-01-01T10:00:00Z", 1500)
    ann.save("=1+1", "2024-01-02T10:00:00Z", 13 * 3_600_000)
    ann.client.post(f"{SESSIONS}/ann/start", json={"name": "live"})
    answer = ann.client.get(f"{SESSIONS}/ann.csv")
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    rows = list(csv.DictReader(io.StringIO(answer.text)))
    assert [(row["name"], row["running"], row["long"]) for row in rows] == [
        ("live", "yes", "no"),
        ("'=1+1", "no", "yes"),
        ('a "quoted", name\nof two lines', "no", "no"),
    ]
    assert rows[0]["endedAt"] == ""
    assert rows[2]["endedAt"] == "2024-01-01T10:00:01.500000Z"

    page = ann.client.get(f"{SESSIONS}/ann", params={"limit": 2})
    rest = ann.client.get(page.links["next"]["url"])
    names = [one["name"] for answer in (page, rest) for one in answer.json()["sessions"]]
    assert names == ["live", "=1+1", rows[2]["name"]], "JSON is read by no spreadsheet"
    assert "next" not in rest.links
