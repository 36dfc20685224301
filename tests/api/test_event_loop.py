"""Long lists, large files and slow patterns do not hold up the event loop: others are answered."""

import asyncio
import sys
import threading
from types import FrameType
from typing import Any

import asyncpg
import pytest
from fastapi.testclient import TestClient

from openhours.settings import Settings
from openhours.visits import bots
from tests.helpers.clients import bearer, register, running

pytestmark = pytest.mark.slow

ROWS = 10_000
# In one step of the loop: a page of rows is read in fewer, and it is less than one for each row.
MOST_CALLS = 6_000
JSON = {"Content-Type": "application/json"}

REPORTS = """
INSERT INTO reports (report_id, state, as_of_polled, as_of_beating, interpolation, lookback_days,
    heartbeat_expiry_seconds, observed_within_minutes, default_timezone, row_count, progress,
    calendar_timezone, zones, windows)
SELECT 'r' || n, 'complete', '2023-01-25', '2023-01-25', 'nearest', 14, 150, 60, 'UTC', {rows}, 1,
    'UTC', '{{UTC}}',
    '[["last_hour", "elapsed", -3600000000, 0], ["last_day", "elapsed", -86400000000, 0],
      ["last_week", "elapsed", -604800000000, 0]]'
FROM generate_series(1, {reports}) n
"""
STORES = f"""
INSERT INTO stores (store_id, feed) SELECT 's' || n, 'polled' FROM generate_series(1, {ROWS}) n
"""
LABELS = """
INSERT INTO labels SELECT id, key, 'of ' || id FROM stores, unnest('{name,region}'::text[]) key
"""
REPORT_ROWS = """
INSERT INTO report_rows (report, store, known, open, up, observed)
SELECT r.id, s.id, true, zeros, zeros, zeros
FROM reports r, stores s, (SELECT ARRAY[0, 0, 0]::int8[] AS zeros) z
"""
GROUPS = f"""
INSERT INTO report_groups SELECT r.id, 'name', n, array_agg('name ' || s.id), array_agg(1),
    array_agg(0), array_agg(ARRAY[1, 2, 3]), array_agg(ARRAY[1, 1, 1])
FROM reports r, stores s, LATERAL (SELECT 1 + s.id / 2000 AS n) c GROUP BY r.id, n;
UPDATE reports SET groups = '{{"name": {ROWS}}}'
"""
PC = """
INSERT INTO stores (store_id, feed, first_observed_at) VALUES ('pc:joe', 'beating', '2023-01-16Z')
"""
HEARTBEAT_WEEK = """
CREATE TABLE heartbeats_20230116 PARTITION OF heartbeats
FOR VALUES FROM ('2023-01-16 00:00+00') TO ('2023-01-23 00:00+00')
"""
HEARTBEATS = f"""
INSERT INTO heartbeats (id, store, event_time)
SELECT n, s.id, timestamptz '2023-01-16Z' + n * interval '1 min'
FROM stores s, generate_series(1, {ROWS}) n
"""
FILES = """
INSERT INTO ingestions (ingestion_id, kind, state, name, path, uploaded)
SELECT 'f' || n, 'status', 'complete', 'a.csv', '/a.csv', false FROM generate_series(1, {files}) n
"""
REJECTS = f"""
INSERT INTO rejected_rows SELECT i.id, n, 'bad_status', 'x' FROM ingestions i,
generate_series(1, {ROWS}) n
"""
EVENT_WEEK = """
CREATE TABLE activity_events_20230116 PARTITION OF activity_events
FOR VALUES FROM ('2023-01-16 00:00+00') TO ('2023-01-23 00:00+00')
"""
EVENTS = """
INSERT INTO activity_events (recorded_at, id, user_id, happened_at, action, metadata)
SELECT '2023-01-16Z', n, 6, now(), 'created', jsonb_build_object('a', jsonb_build_array(1, 2))
FROM generate_series(1, 1000) n
"""
COUNTS = """
INSERT INTO activity_counts (period_start, period_end, user_id, event_count)
SELECT '2023-01-16', '2023-01-17', n, 1 FROM generate_series(1, 1000) n
"""
CORRECTIONS = """
INSERT INTO corrections (correction_id, stores, from_at, to_at, treat_as, category, reason, made_by)
SELECT 'c' || n, (SELECT array_agg(id) FROM stores), '2023-01-16', '2023-01-17', 'up', 'other',
    'because', 'local'
FROM generate_series(1, 100) n
"""
SESSIONS = f"""
INSERT INTO work_sessions (user_id, name, started_at, time_ms)
SELECT u.id, 'n', now() - n * interval '1 min', 90000 FROM users u, generate_series(1, {ROWS}) n
"""


class Steps:
    """The steps of event loops: how many calls of functions each makes, in which threads."""

    def __init__(self) -> None:
        self.longest = 0

    def run(self, handle: asyncio.Handle, original: Any) -> None:
        calls = 0

        def count(_frame: FrameType, event: str, _argument: object) -> None:
            nonlocal calls
            calls += event in ("call", "c_call")

        sys.setprofile(count)
        try:
            original(handle)
        finally:
            sys.setprofile(None)
            self.longest = max(self.longest, calls)


@pytest.fixture
def steps(monkeypatch: pytest.MonkeyPatch) -> Steps:
    counted, original = Steps(), asyncio.Handle._run
    monkeypatch.setattr(asyncio.Handle, "_run", lambda handle: counted.run(handle, original))
    return counted


def execute(url: str, *statements: str) -> None:
    async def run() -> None:
        connection = await asyncpg.connect(url)
        for statement in statements:
            await connection.execute(statement)
        await connection.close()

    asyncio.run(run())


OUTAGES = (
    "INSERT INTO report_outages SELECT report, store, '{2023-01-24Z}', '{2023-01-25Z}',"
    " '{-infinity}', '{infinity}', '{1}', '{1}', '{false}' FROM report_rows",
    f"UPDATE reports SET outages = true, outage_count = {ROWS}",
)
REPORT = (STORES, REPORTS.format(rows=ROWS, reports=1), REPORT_ROWS)
OTHERS = "UPDATE report_rows SET open = array_fill(report * store * 36000000, ARRAY[3])"
TWO_REPORTS = (STORES, REPORTS.format(rows=ROWS, reports=2), REPORT_ROWS, OTHERS)


@pytest.mark.parametrize(
    ("path", "statements"),
    [
        ("/get_report/r1", REPORT),
        ("/get_report/r1?format=json", REPORT),
        ("/get_report/r1?format=parquet", REPORT),
        ("/get_report/r1?format=xlsx", REPORT),
        ("/get_report/r1?layout=long", REPORT),
        ("/reports/r1/outages", (*REPORT, *OUTAGES)),
        ("/get_report/r1?group_by=name", (*REPORT, GROUPS)),
        ("/get_report/r1?group_by=name&format=json", (*REPORT, GROUPS)),
        ("/reports/r1/diff/r2", TWO_REPORTS),
        ("/reports/compare?a=r1&b=r2", TWO_REPORTS),
        ("/reports?limit=1000", (REPORTS.format(rows=0, reports=1000),)),
        (f"/track/events?limit={ROWS}", (PC, HEARTBEAT_WEEK, HEARTBEATS)),
        (
            "/api/stores/pc:joe/timeline?as_of=2023-01-23T00:00:00Z",
            (PC, HEARTBEAT_WEEK, HEARTBEATS),
        ),
        ("/stores/pc:joe?as_of=2023-01-23T00:00:00Z", (PC, HEARTBEAT_WEEK, HEARTBEATS)),
        ("/pcs?pc=joe&from=2023-01-16&to=2023-01-24&zone=UTC", (PC, HEARTBEAT_WEEK, HEARTBEATS)),
        ("/ingestions?limit=1000", (FILES.format(files=1000),)),
        ("/ingestions/f1/rejects.csv", (FILES.format(files=1), REJECTS)),
        ("/api/stores?limit=1000", (STORES, LABELS)),
        ("/corrections?limit=100", (STORES, CORRECTIONS)),
        ("/api/events?limit=1000", (EVENT_WEEK, EVENTS)),
        ("/api/events/counts?limit=1000", (COUNTS,)),
    ],
)
def test_a_long_answer_is_written_in_short_steps(
    settings: Settings, database_url: str, steps: Steps, path: str, statements: tuple[str, ...]
) -> None:
    execute(database_url, *statements)
    with running(settings) as client:
        steps_of_get(steps, client, path)


@pytest.mark.parametrize("rest", [".csv", "", "/overview?by=week"])
def test_so_are_a_user_s_many_sessions(
    settings: Settings, database_url: str, steps: Steps, rest: str
) -> None:
    with running(settings) as client:
        token = register(client, "zoe")["token"]
        execute(database_url, SESSIONS)
        steps_of_get(steps, client, f"/api/v1/sessions/zoe{rest}", bearer(token))


@pytest.mark.parametrize("query", ["", "?from=2020-01-01"])
def test_the_timer_s_page_is_made_in_short_steps(
    settings: Settings, database_url: str, steps: Steps, query: str
) -> None:
    with running(settings) as client:
        token = register(client, "zoe")["token"]
        execute(database_url, SESSIONS)
        steps_of_get(steps, client, f"/timer{query}", bearer(token) | {"Accept": "text/html"})


def steps_of_get(
    steps: Steps, client: TestClient, path: str, headers: dict[str, str] | None = None
) -> None:
    # The first time, connections are opened and modules imported.
    assert client.get(path, headers=headers).status_code == 200
    steps.longest = 0
    answer = client.get(path, headers=headers)
    assert answer.status_code == 200
    assert steps.longest < MOST_CALLS


def test_agents_are_compared_with_the_bots_on_another_thread(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    threads = set()

    class Detector:
        def is_crawler(self, agent: str) -> bool:
            threads.add(threading.get_ident())
            return "bot" in agent

    monkeypatch.setattr(bots, "_detector", Detector())
    monkeypatch.setattr(bots, "_known", {})
    with running(settings) as client:
        for agent in ("robot", "x", "robot"):
            body = {"user_id": "u", "page_url": "/", "user_agent": agent}
            assert client.post("/visit", json=body).status_code == 200
        assert client.get("/stats").json()["bots"] == 2
        assert client.portal is not None
        assert client.portal.call(threading.get_ident) not in threads
    assert len(threads) == 1


@pytest.mark.parametrize("far", [False, True])
def test_the_place_of_broken_json_is_told_where_it_is_near(settings: Settings, far: bool) -> None:
    ids = ", ".join(["17"] * (100_000 if far else 3))
    body = '{"store_ids": [' + ids.replace("17", '"17"') + ", nope"
    with running(settings) as client:
        answer = client.post("/trigger_report", content=body, headers=JSON)
    assert answer.status_code == 400
    place = ["body"] if far else ["body", "store_ids", "3"]
    assert [one["path"] for one in answer.json()["errors"]] == [place]
    assert "column" in answer.json()["detail"]


def test_too_many_problems_are_counted_not_listed(settings: Settings) -> None:
    body = {f"field {n}": n for n in range(1001)}
    with running(settings) as client:
        answer = client.post("/trigger_report", json=body)
    assert answer.status_code == 422
    assert "1,001 fields cannot be accepted" in answer.json()["detail"]
    assert len(answer.json()["errors"]) == 1


def test_a_list_of_store_ids_is_read_up_to_its_first_mistake(settings: Settings) -> None:
    with running(settings) as client:
        answer = client.post("/trigger_report", json={"store_ids": ["s", 1, 2, 3]})
    assert answer.status_code == 422
    assert [one["path"] for one in answer.json()["errors"]] == [["body", "store_ids", "1"]]
