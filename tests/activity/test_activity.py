"""Activity over a real server: record, list page by page, repeat, and what is refused."""

import json
import threading
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

from tools.service import Service

from openhours.times import iso
from tests.helpers.load_client import Traffic

SHARED_SERVICE = True

EVENT: dict[str, Any] = {
    "user_id": 6,
    "event_action_timestamp": "2025-10-10T18:30:00Z",
    "action": "deleted",
    "metadata": {"document": 17, "tags": ["ä", None, 1.5]},
}
SHOWN = EVENT | {"event_action_timestamp": "2025-10-10T18:30:00.000000Z"}


ENVIRONMENT = {"OPENHOURS_WORKER": "0"}


def test_an_event_is_recorded_and_listed(service: Service) -> None:
    client = service.client
    before = datetime.now(UTC)
    answer = client.post("/api/event", json=EVENT)
    assert answer.status_code == 201
    stored = answer.json()
    recorded_at = datetime.fromisoformat(stored.pop("recorded_at"))
    assert stored == SHOWN | {"event_id": None}
    assert before - timedelta(seconds=5) < recorded_at < datetime.now(UTC) + timedelta(seconds=5)

    offset = EVENT | {"user_id": -(2**63), "event_action_timestamp": "2025-10-11T00:00:00+05:30"}
    del offset["metadata"]
    assert client.post("/api/event", json=offset).status_code == 201
    other = SHOWN | {
        "user_id": -(2**63),
        "event_action_timestamp": "2025-10-10T18:30:00.000000Z",
        "metadata": {},
    }
    assert client.get("/api/events").json() == [SHOWN, other]
    assert client.get("/api/events", params={"user_id": 6}).json() == [SHOWN]
    assert client.get("/api/events", params={"user_id": 5}).json() == []
    # The filter is on the recorded time, start included and end not.
    at = {"user_id": "6", "from": iso(recorded_at)}
    after = iso(recorded_at + timedelta(microseconds=1))
    assert client.get("/api/events", params=at).json() == [SHOWN]
    assert client.get("/api/events", params=at | {"from": after}).json() == []
    assert client.get("/api/events", params={"user_id": "6", "to": at["from"]}).json() == []
    assert client.get("/api/events", params={"user_id": "6", "to": after}).json() == [SHOWN]
    assert client.get("/api/events", params={"to": "2025-10-10T19:00:00Z"}).json() == []


def test_a_repeated_event_id_is_one_event(service: Service) -> None:
    client = service.client
    event = EVENT | {"event_id": "mine"}
    bodies = (event for _ in range(50))
    answers = Traffic("/api/event", bodies, [service.port]).run(10)
    assert {exchange.status for exchange in answers} == {201}
    assert len({json.dumps(exchange.answer) for exchange in answers}) == 1
    assert client.get("/api/events").json() == [SHOWN]
    for change in ({"user_id": 7}, {"action": "viewed"}, {"metadata": {"document": 18}}):
        assert client.post("/api/event", json=event | change).status_code == 409
    assert client.post("/api/event", json=event | {"event_id": "other"}).status_code == 201
    assert len(client.get("/api/events").json()) == 2


def test_pages_miss_nothing_while_events_arrive(service: Service, place: Path) -> None:
    """A reader follows the pages while two servers write: each event once, in one order."""
    numbers = count()
    bodies = (EVENT | {"metadata": {"n": next(numbers)}} for _ in range(1500))
    database = service.environment["DATABASE_URL"]
    with Service(place, OPENHOURS_WORKER="0", DATABASE_URL=database) as other:
        traffic = Traffic("/api/event", bodies, [service.port, other.port])
        writer = threading.Thread(target=traffic.run, args=(16,))
        writer.start()
        seen: list[int] = []
        url = "/api/events?limit=7"
        while True:
            done = not writer.is_alive()
            answer = service.client.get(url)
            seen += [event["metadata"]["n"] for event in answer.json()]
            if "next" in answer.links:
                url = answer.links["next"]["url"]
            elif done:
                break
            elif answer.json():
                # The end for now: what was shown of this last page is asked for again.
                del seen[-len(answer.json()) :]
        writer.join()
    assert sorted(seen) == list(range(1500))
    whole = service.client.get("/api/events?limit=1000")
    rest = service.client.get(whole.links["next"]["url"])
    assert [e["metadata"]["n"] for e in whole.json() + rest.json()] == seen


def test_pages_by_offset_and_by_cursor_are_the_same(service: Service) -> None:
    client = service.client
    for n in range(7):
        client.post("/api/event", json=EVENT | {"metadata": {"n": n}})

    def get(**params: int | str) -> tuple[list[int], str | None]:
        answer = client.get("/api/events", params={"user_id": 6, **params})
        assert answer.status_code == 200, answer.text
        following = answer.links.get("next", {}).get("url")
        return [event["metadata"]["n"] for event in answer.json()], following

    assert get(limit=3, offset=0)[0] == [0, 1, 2]
    assert get(offset=5) == ([5, 6], None)
    assert get(offset=7) == ([], None)
    assert get(offset=2**63 - 1) == ([], None)
    found, following = get(limit=3, offset=2)
    assert found == [2, 3, 4]
    # A page that was found by its offset goes on by cursor, with all other parameters.
    assert following is not None
    assert "offset" not in following
    rest = client.get(following)
    assert [event["metadata"]["n"] for event in rest.json()] == [5, 6]
    assert "next" not in rest.links

    cursor = parse_qs(urlsplit(following).query)["cursor"][0]
    wrong: list[dict[str, int | str]] = [
        {"offset": 1, "cursor": cursor},
        {"offset": -1},
        {"offset": 2**63},
        {"offset": "x"},
    ]
    for bad in wrong:
        refused = client.get("/api/events", params=bad)
        assert refused.status_code == 422, bad
        assert refused.json()["errors"][0]["path"] == ["query", "offset"]


def _with(**fields: object) -> bytes:
    return json.dumps(EVENT | fields).encode()


def _metadata(raw: str) -> bytes:
    return (
        json.dumps(EVENT | {"metadata": 0}).replace('"metadata": 0', f'"metadata": {raw}').encode()
    )


BAD: list[tuple[bytes, int, list[str]]] = [
    (b"{}", 422, ["body", "user_id"]),
    (_with(user_id="6"), 422, ["body", "user_id"]),
    (_with(user_id=True), 422, ["body", "user_id"]),
    (_with(user_id=2**63), 422, ["body", "user_id"]),
    (_with(user_id=10**400), 422, ["body", "user_id"]),
    (_with(action="moved"), 422, ["body", "action"]),
    (_with(event_action_timestamp="2025-10-10T18:30:00"), 422, ["body", "event_action_timestamp"]),
    (_with(event_action_timestamp="1999-12-31T23:59:59Z"), 422, ["body", "event_action_timestamp"]),
    (_with(event_action_timestamp="2199-01-01T00:00:00Z"), 422, ["body", "event_action_timestamp"]),
    (_with(event_action_timestamp="yesterday"), 422, ["body", "event_action_timestamp"]),
    (_with(event_action_timestamp=1760121000), 422, ["body", "event_action_timestamp"]),
    (_with(event_id=""), 422, ["body", "event_id"]),
    (_with(event_id="\0"), 422, ["body", "event_id"]),
    (_with(event_id="x" * 129), 422, ["body", "event_id"]),
    (_with(metadata=[]), 422, ["body", "metadata"]),
    (_with(metadata={"a": [0, {"b": "x\0"}]}), 422, ["body", "metadata", "a", "1", "b"]),
    (_with(metadata={"a": {"k\0": 1}}), 422, ["body", "metadata", "a", "k\0"]),
    (_with(metadata={"a": "\ud800"}), 400, ["body", "metadata", "a"]),
    (_with(metadata={"\udfff": 1}), 400, ["body", "metadata"]),
    (_with(metadata={"a": "x" * (64 << 10)}), 422, ["body", "metadata"]),
    (_metadata('{"a": NaN}'), 422, ["body", "metadata", "a"]),
    (_metadata('{"a": [-Infinity]}'), 422, ["body", "metadata", "a", "0"]),
    (_metadata('{"a": 1e999}'), 422, ["body", "metadata", "a"]),
    (_metadata('{"a": ' + "1" * 5000 + "}"), 400, ["body", "metadata", "a"]),
    (_metadata('{"a": ' + "[" * 10_000 + "]" * 10_000 + "}"), 400, ["body", "metadata", "a"]),
    (_metadata('{"a": ' * 10_000 + "1" + "}" * 10_000), 400, ["body", "metadata", "a"]),
]


def test_what_is_wrong_is_named(service: Service) -> None:
    headers = {"Content-Type": "application/json"}
    for body, status, place in BAD:
        answer = service.client.post("/api/event", content=body, headers=headers)
        assert answer.status_code == status, (body[:200], answer.text)
        assert answer.json()["errors"][0]["path"][: len(place)] == place, (body[:200], answer.text)
    large = _with(metadata={"a": "x" * (10 << 20)})
    assert service.client.post("/api/event", content=large, headers=headers).status_code == 413
    for name, value in (
        ("user_id", "x"),
        ("user_id", str(2**63)),
        ("from", "2025-10-10"),
        ("to", "2025-10-10T18:30:00"),
        ("limit", "0"),
        ("limit", "1001"),
        ("cursor", "x"),
        ("cursor", "9" * 18 + ".1"),
    ):
        for path in ("/api/events", "/api/events/counts"):
            answer = service.client.get(path, params={name: value})
            assert answer.status_code == 422, (path, name, value)
            assert answer.json()["errors"][0]["path"] == ["query", name]
    assert service.client.get("/api/events").json() == []


def test_odd_metadata_is_kept(service: Service) -> None:
    for metadata in (
        {"": "", "\\u0000": "\\u0000", "é": "😀", "deep": {"a": [[[{}]]]}},
        {"big": 2**200, "small": 5e-324, "large": 1e22, "zero": -0.0},
        {"text": "x" * 60_000},
    ):
        answer = service.client.post("/api/event", json=EVENT | {"metadata": metadata})
        assert answer.status_code == 201, answer.text
        assert answer.json()["metadata"] == metadata
        assert service.client.get("/api/events").json()[-1]["metadata"] == metadata
