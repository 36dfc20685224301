"""Visits over a real server: the contract, the window's figures, and what is refused."""

import asyncio
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import asyncpg
import pytest
from tools.service import Service

from openhours.db.engine import make_engine
from openhours.times import now
from openhours.visits import statistics
from openhours.visits.bots import is_bot
from openhours.visits.tables import VISITS
from openhours.visits.write import NewVisit, write_visits
from tests.helpers.database import make_weeks

FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
GOOGLEBOT = "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)"


ENVIRONMENT = {"OPENHOURS_WORKER": "0"}


def test_a_visit_is_counted_and_shown(service: Service, database_url: str) -> None:
    client = service.client
    first = client.post("/visit", json={"user_id": "ann", "page_url": "/", "user_agent": FIREFOX})
    assert first.status_code == 200
    assert first.json() == {
        "success": True,
        "visit_count": 1,
        "message": "Visit logged successfully. Total visits: 1",
    }
    for body in (
        {"user_id": 17, "page_url": "/shop", "user_agent": GOOGLEBOT, "ip_address": "2001:DB8::1"},
        {"user_id": "bob", "page_url": "/shop", "referrer": "https://example.org/"},
    ):
        answer = client.post("/visit", json=body, headers={"User-Agent": FIREFOX})
        assert answer.status_code == 200, answer.text
    assert answer.json()["visit_count"] == 3

    stats = client.get("/stats").json()
    assert {name: stats[name] for name in ("total_visits", "recent_visits", "bots")} == {
        "total_visits": 3,
        "recent_visits": 3,
        "bots": 1,
    }
    assert stats["server_status"] == "running"
    assert stats["timeframe_hours"] == 1.0
    seconds = int(stats["uptime_seconds"])
    assert stats["uptime_formatted"] == f"0h 0m {seconds}s"
    now = datetime.fromisoformat(stats["current_time"])
    assert abs(now - datetime.now(UTC)) < timedelta(minutes=1)

    pages = client.get("/stats/pages").json()
    assert pages["pages"] == [
        {"page_url": "/shop", "visits": 2, "bots": 1},
        {"page_url": "/", "visits": 1, "bots": 0},
    ]
    assert {"referrer": None, "visits": 2, "bots": 1} in pages["referrers"]
    assert sum(hour["visits"] for hour in pages["hours"]) == 3

    rows = _stored(database_url)
    assert [row["user_id"] for row in rows] == ["ann", "17", "bob"]
    assert [row["ip_address"] for row in rows] == ["127.0.0.0", "2001:db8::", "127.0.0.0"]
    assert rows[2]["user_agent"] == FIREFOX
    assert [row["bot"] for row in rows] == [False, True, False]


def _stored(database_url: str) -> list[asyncpg.Record]:
    async def read() -> list[asyncpg.Record]:
        connection = await asyncpg.connect(database_url)
        rows = await connection.fetch("SELECT * FROM visits ORDER BY number")
        await connection.close()
        return list(rows)

    return asyncio.run(read())


def test_an_address_may_be_any_text(service: Service, database_url: str) -> None:
    client = service.client
    addresses = (
        "unknown",
        "203.0.113.7:51234",
        "[2001:db8::1]:443",
        "a, b",
        "x" * 100,
        "Ünbekannt",
    )
    for address in addresses:
        assert client.post("/visit", json=GOOD | {"ip_address": address}).status_code == 200
    for nothing in ({"ip_address": "", "user_agent": ""}, {"ip_address": None}, {}):
        answer = client.post("/visit", json=GOOD | nothing, headers={"User-Agent": FIREFOX})
        assert answer.status_code == 200
    rows = _stored(database_url)
    assert [row["ip_address"] for row in rows[:-3]] == [
        "unknown",
        "203.0.113.0",
        "2001:db8::",
        *addresses[3:],
    ]
    for row in rows[-3:]:
        assert (row["ip_address"], row["user_agent"]) == ("127.0.0.0", FIREFOX)
    assert client.get("/stats").json()["total_visits"] == 9
    assert client.get("/stats/pages").json()["pages"][0]["visits"] == 9
    assert client.get("/traffic", headers={"Accept": "text/html"}).status_code == 200


GOOD = {"user_id": "ann", "page_url": "/"}
BAD: list[tuple[object, int, list[str]]] = [
    ({}, 422, ["body", "user_id"]),
    ([], 422, ["body"]),
    (GOOD | {"user_id": True}, 422, ["body", "user_id"]),
    (GOOD | {"user_id": 1.5}, 422, ["body", "user_id"]),
    (GOOD | {"user_id": "x" * 256}, 422, ["body", "user_id"]),
    (GOOD | {"page_url": ""}, 422, ["body", "page_url"]),
    (GOOD | {"page_url": "/\0"}, 422, ["body", "page_url"]),
    (GOOD | {"page_url": "\ud800"}, 400, ["body", "page_url"]),
    (GOOD | {"user_agent": "\0"}, 422, ["body", "user_agent"]),
    (GOOD | {"ip_address": "x" * 101}, 422, ["body", "ip_address"]),
    (GOOD | {"ip_address": "10.0.0.1\0"}, 422, ["body", "ip_address"]),
    (GOOD | {"ip_address": 5}, 422, ["body", "ip_address"]),
    (GOOD | {"referrer": {"a": 1}}, 422, ["body", "referrer"]),
    (GOOD | {"page_url": float("nan")}, 422, ["body", "page_url"]),
    (b'{"user_id": "ann", "page_url": "\xff"}', 400, ["body", "page_url"]),
    (b"{", 400, ["body"]),
    (b"", 400, ["body"]),
    (b'{"user_id":' + b"[" * 10_000 + b"]" * 10_000 + b"}", 400, ["body", "user_id"]),
]


def test_what_is_wrong_is_named(service: Service) -> None:
    for body, status, place in BAD:
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        answer = service.client.post(
            "/visit", content=content, headers={"Content-Type": "application/json"}
        )
        assert answer.status_code == status, (body, answer.text)
        assert answer.json()["errors"][0]["path"][: len(place)] == place, (body, answer.text)
    large = service.client.post("/visit", json=GOOD | {"referrer": "x" * (10 << 20)})
    assert large.status_code == 413
    assert large.headers["content-type"] == "application/problem+json"
    assert large.json()["detail"] == "the body is larger than this route accepts"
    form = service.client.post("/visit", data={"user_id": "ann", "page_url": "/"})
    assert form.status_code == 415
    for query in ("0.05", "168.1", "nan", "inf", "x"):
        for path in ("/stats", "/stats/pages"):
            answer = service.client.get(path, params={"timeframe_hours": query})
            assert answer.status_code == 422, (path, query)
            assert answer.json()["errors"][0]["path"] == ["query", "timeframe_hours"]
    assert service.client.get("/stats").json()["total_visits"] == 0


def _visit(page: str, agent: str = FIREFOX) -> NewVisit:
    return NewVisit("ann", page, agent, agent == GOOGLEBOT, None, None)


def test_windows_begin_at_their_instant(database_url: str) -> None:
    async def scenario() -> None:
        engine = make_engine(database_url)
        assert list(await write_visits(engine, [_visit("/a"), _visit("/b", GOOGLEBOT)])) == [1, 2]
        assert list(await write_visits(engine, [_visit("/b"), _visit("/c", GOOGLEBOT)])) == [3, 4]
        raw = await asyncpg.connect(database_url)
        await make_weeks(raw, VISITS, now() - timedelta(hours=3), now())
        await raw.execute(
            "UPDATE visits SET visited_at = visited_at - interval '2 hours' WHERE number <= 2"
        )
        near = await statistics.totals(engine, timedelta(hours=1))
        far = await statistics.totals(engine, timedelta(hours=3))
        assert (near.total, near.bots, near.recent, near.recent_bots) == (4, 2, 2, 1)
        assert (far.total, far.bots, far.recent, far.recent_bots) == (4, 2, 4, 2)
        pages = await statistics.pages(engine, timedelta(hours=1), 10)
        assert [tuple(count) for count in pages.pages] == [("/b", 1, 0), ("/c", 1, 1)]
        pages = await statistics.pages(engine, timedelta(hours=3), 1)
        assert [tuple(count) for count in pages.pages] == [("/b", 2, 1)]
        assert [count.visits for count in pages.hours if count.visits] == [2, 2]
        await raw.close()
        await engine.dispose()

    asyncio.run(scenario())


@pytest.mark.slow
def test_totals_cost_the_same_at_any_number(database_url: str) -> None:
    async def scenario() -> None:
        raw = await asyncpg.connect(database_url)
        await make_weeks(raw, VISITS, now() - timedelta(days=3), now())
        await raw.execute(
            """
            INSERT INTO visits (number, bots_before, visited_at, bot, user_id, page_url)
            SELECT n, 0, now() - (200000 - n) * interval '1 second', false, 'u', '/'
            FROM generate_series(1, 200000) n;
            UPDATE visit_counter SET total = 200000;
            ANALYZE visits
            """
        )
        query = str(statistics._TOTALS).replace(":window", "'50 hours'")
        plan = json.loads(await raw.fetchval(f"EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) {query}"))
        top: dict[str, Any] = plan[0]["Plan"]
        assert top["Shared Hit Blocks"] + top["Shared Read Blocks"] < 12
        engine = make_engine(database_url)
        found = await statistics.totals(engine, timedelta(hours=50))
        begin = found.now - timedelta(hours=50)
        recent = "SELECT count(*) FROM visits WHERE visited_at >= $1"
        assert found.recent == await raw.fetchval(recent, begin) > 170_000
        await engine.dispose()
        await raw.close()

    asyncio.run(scenario())


def test_bots_are_known() -> None:
    async def which(*agents: str) -> list[str]:
        return [agent for agent in agents if await is_bot(agent)]

    known = (GOOGLEBOT, "curl/8.5.0", "python-requests/2.32", "UptimeRobot/2.0", "GPTBot/1.2")
    assert asyncio.run(which(*known)) == list(known)
    cubot = "Mozilla/5.0 (Linux; Android 10; CUBOT X30) AppleWebKit/537.36 Chrome/126 Mobile"
    assert asyncio.run(which(FIREFOX, cubot, "", "x" * 1000)) == []
