"""`POST /track`, `POST /track/batch` and `GET /track/events` on a real server."""

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
from tools.service import Service

from openhours.times import iso, now

JSON = {"Content-Type": "application/json"}


def listed(service: Service, **params: Any) -> list[dict[str, Any]]:
    answer = service.client.get("/track/events", params=params)
    assert answer.status_code == 200, answer.text
    events: list[dict[str, Any]] = answer.json()
    return events


def beat(at: datetime, beat_id: str, pc: str = "joe") -> dict[str, str]:
    return {"pc": pc, "event_time": iso(at), "beat_id": beat_id}


def test_an_empty_post_is_a_heartbeat_of_now_and_is_listed_newest_first(service: Service) -> None:
    before = now()
    answers = [
        service.client.post("/track"),
        service.client.post("/track", content=b"", headers=JSON),
        service.client.post("/track", json={}),
        service.client.post("/track", content=b' {"pc": "jim"} ', headers=JSON),
        service.client.post("/track", json={"pc": None, "event_time": None, "beat_id": None}),
    ]
    assert [answer.status_code for answer in answers] == [201] * 5
    tracked = [answer.json() for answer in answers]
    assert [one["pc"] for one in tracked] == ["default"] * 3 + ["jim", "default"]
    for one in tracked:
        assert one["request"] == "POST /track"
        assert before <= datetime.fromisoformat(one["event_time"]) <= now()
        assert len(one["event_time"]) == len("2023-01-25T18:13:22.479220Z")
    assert len({one["id"] for one in tracked}) == 5
    assert listed(service, limit=5) == tracked[::-1]
    assert listed(service, pc="jim") == [tracked[3]]
    assert listed(service, pc="nobody") == []


def test_a_repeated_beat_id_is_one_heartbeat_even_at_the_same_time(service: Service) -> None:
    at = now() - timedelta(hours=1)
    first = service.client.post("/track", json=beat(at, "a")).json()
    assert first["event_time"] == iso(at)
    # Another time under the same id changes nothing, also not when the PC was first seen.
    again = service.client.post("/track", json=beat(at - timedelta(days=9), "a"))
    assert (again.status_code, again.json()) == (201, first)
    other = service.client.post("/track", json=beat(at, "a", "jill")).json()
    assert other["id"] != first["id"], "an id is unique per PC only"

    start = threading.Barrier(16)

    def send(_: int) -> Any:
        start.wait()
        return httpx.post(f"{service.url}/track", json=beat(at, "b")).json()

    with ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(send, range(16)))
    assert all(answer == answers[0] for answer in answers)
    assert [one["id"] for one in listed(service, pc="joe")] == [answers[0]["id"], first["id"]]
    assert listed(service, pc="jill") == [other]


def test_a_batch_is_answered_in_order_and_may_be_repeated(service: Service) -> None:
    start = now() - timedelta(days=20)
    beats = [beat(start + timedelta(minutes=n), f"b{n}", f"pc {n % 3}") for n in range(1000)]
    answer = service.client.post("/track/batch", json=beats)
    assert answer.status_code == 201, answer.text
    done = answer.json()
    assert [(one["pc"], one["event_time"]) for one in done] == [
        (one["pc"], one["event_time"]) for one in beats
    ]
    twice = service.client.post(
        "/track/batch", json=[beats[5], *beats[:6], beat(now(), "new", "pc 9")]
    )
    assert twice.json()[:-1] == [done[5], *done[:6]]
    assert len([one for one in listed(service) if one["pc"].startswith("pc ")]) == 1001
    assert service.client.post("/track/batch", json=[]).json() == []
    too_many = service.client.post("/track/batch", json=[*beats, beat(start, "one more")])
    assert too_many.status_code == 422


def test_pages_are_stable_while_heartbeats_arrive(service: Service) -> None:
    start = datetime(2024, 2, 26, tzinfo=UTC)
    # Ten of them at one instant: pages may break among them.
    times = [start + timedelta(hours=n // 10) for n in range(100)]
    beats = [beat(at, f"b{n}", "paged") for n, at in enumerate(times)]
    done = service.client.post("/track/batch", json=beats).json()
    expected = [one["id"] for one in sorted(done, key=lambda one: (one["event_time"], one["id"]))]
    for limit in (7, 50, 99, 100):
        found: list[int] = []
        url: str | None = f"/track/events?pc=paged&limit={limit}&to=2024-12-31T00:00:00Z"
        while url is not None:
            answer = service.client.get(url)
            assert answer.status_code == 200, answer.text
            found += [one["id"] for one in answer.json()]
            service.client.post("/track", json={"pc": "paged"}).raise_for_status()
            url = answer.links.get("next", {}).get("url")
        assert found == expected[::-1]
    span = {
        "pc": "paged",
        "from": iso(start + timedelta(hours=2)),
        "to": iso(start + timedelta(hours=4)),
    }
    assert [one["id"] for one in listed(service, **span)] == expected[20:40][::-1]


WRONG: list[tuple[bytes, int, list[str]]] = [
    (b"{", 400, ["body"]),
    (b"[" * 10_000 + b"]" * 10_000, 400, ["body"]),
    (b'{"pc": ' * 10_000 + b"1" + b"}" * 10_000, 400, ["body"]),
    (b"\xff\xfe", 400, ["body"]),
    (b'{"pc": "\\ud800"}', 400, ["body"]),
    (b"null", 422, ["body"]),
    (b"[]", 422, ["body"]),
    (b'"joe"', 422, ["body"]),
    (b'{"pc": ""}', 422, ["body", "pc"]),
    (b'{"pc": 1}', 422, ["body", "pc"]),
    (b'{"pc": "' + b"x" * 62 + b'"}', 422, ["body", "pc"]),
    (b'{"pc": "a\\u0000b"}', 422, ["body", "pc"]),
    (b'{"pc": "a\\nb"}', 422, ["body", "pc"]),
    (b'{"pc": "joe\\n"}', 422, ["body", "pc"]),
    (b'{"beat_id": "\\u0000"}', 422, ["body", "beat_id"]),
    (b'{"beat_id": ["a"]}', 422, ["body", "beat_id"]),
    (b'{"beat_id": "' + b"x" * 65 + b'"}', 422, ["body", "beat_id"]),
    (b'{"event_time": 1700000000}', 422, ["body", "event_time"]),
    (b'{"event_time": true}', 422, ["body", "event_time"]),
    (b'{"event_time": "yesterday"}', 422, ["body", "event_time"]),
    (b'{"event_time": "2024-01-01T00:00:00"}', 422, ["body", "event_time"]),
    (b'{"event_time": "1999-12-31T23:59:59Z"}', 422, ["body", "event_time"]),
    (b'{"event_time": "9999-12-31T23:59:59-14:00"}', 422, ["body", "event_time"]),
    (b'{"event_tme": "2024-01-01T00:00:00Z"}', 422, ["body", "event_tme"]),
]


def test_what_is_wrong_is_named_and_never_a_500(service: Service) -> None:
    before = listed(service)
    for body, code, path in WRONG:
        answer = service.client.post("/track", content=body, headers=JSON)
        assert answer.status_code == code, (body[:80], answer.text)
        assert answer.json()["errors"][0]["path"][: len(path)] == path, (body[:80], answer.text)
    ahead = service.client.post("/track", json={"event_time": iso(now() + timedelta(minutes=6))})
    assert ahead.status_code == 422
    assert ahead.json()["errors"][0]["path"] == ["body", "event_time"]
    near = service.client.post("/track", json={"event_time": iso(now() + timedelta(minutes=4))})
    assert near.status_code == 201
    batch = service.client.post("/track/batch", json=[beat(now(), "a"), {"beat_id": "b"}])
    assert batch.status_code == 422
    assert batch.json()["errors"][0]["path"] == ["body", "1", "event_time"]
    assert service.client.post("/track/batch", headers=JSON).status_code == 400
    form = service.client.post("/track", data={"pc": "joe"})
    assert form.status_code == 415
    large = service.client.post("/track", content=b'{"pc": "' + b"x" * 10_000_000 + b'"}')
    assert large.status_code == 413
    for params in (
        {"from": "2024-01-01T00:00:00"},
        {"to": "x\0"},
        {"limit": 0},
        {"limit": "9" * 30},
        {"cursor": "1"},
        {"cursor": "9" * 18 + "-1"},
        {"cursor": "1-" + "9" * 19},
        {"cursor": "9" * 17 + "-" + "9" * 18},
        {"pc": "x" * 65},
        {"pc": "a\0b"},
    ):
        answer = service.client.get("/track/events", params=params)
        assert answer.status_code == 422, (params, answer.text)
    assert listed(service) == [near.json(), *before]
