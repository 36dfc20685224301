"""Who waits for a report is woken by the database; who follows it sees its progress."""

import asyncio
import json
import resource
import time
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import httpx
import pytest
from fastapi.testclient import TestClient
from sqlalchemy.ext.asyncio import AsyncEngine
from tools.service import Service, workers_of

from openhours.api import changes
from openhours.reports import api, report_api
from openhours.reports.queries import find_report
from openhours.reports.retention import remove_report
from openhours.reports.tables import Report
from openhours.reports.write import begin_attempt, fail_report, note_progress
from openhours.settings import Settings
from tests.helpers.clients import running
from tests.helpers.database import fetch, on_engine
from tests.helpers.waiting import wait_for

pytestmark = pytest.mark.slow

LISTENING = "query ~ '^(LISTEN|SELECT 1)' AND application_name = 'openhours'"


def trigger(client: TestClient | httpx.Client) -> str:
    return str(client.post("/trigger_report").json()["report_id"])


def end(url: str, report_id: str) -> None:
    async def fail(engine: AsyncEngine) -> None:
        await fail_report(engine, (await find_report(engine, report_id)).id, "for a test")

    on_engine(url, fail)


@pytest.fixture
def looks(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The reports that waiting requests have looked for, each time."""
    seen: list[str] = []

    async def look(engine: AsyncEngine, report_id: str) -> Report:
        seen.append(report_id)
        return await find_report(engine, report_id)

    for module in (api, report_api):
        monkeypatch.setattr(module, "find_report", look)
    return seen


def test_the_answer_waits_for_the_end_and_asks_twice_at_most(
    settings: Settings, database_url: str, looks: list[str]
) -> None:
    with running(settings) as client, ThreadPoolExecutor(1) as pool:
        report_id = trigger(client)
        waiting = pool.submit(client.get, f"/get_report/{report_id}", headers={"Prefer": "wait=60"})
        wait_for(lambda: bool(looks))
        end(database_url, report_id)
        answer = waiting.result(30)
    assert answer.status_code == 500
    assert answer.json()["error"] == "for a test"
    assert len(looks) == 2


def test_it_waits_no_longer_than_it_was_told(settings: Settings) -> None:
    with running(settings) as client:
        report_id = trigger(client)
        for prefer, status in (("wait=1", 200), ("respond-async, wait=1", 202)):
            answer = client.get(f"/get_report?report_id={report_id}", headers={"Prefer": prefer})
            assert answer.status_code == status
            assert answer.json()["status"] == "Running"


@pytest.mark.parametrize("prefer", ["wait", "wait=", "wait=soon", "wait=-1", "wait=1.5", "wait=0"])
def test_another_wait_is_none(settings: Settings, looks: list[str], prefer: str) -> None:
    with running(settings) as client:
        report_id = trigger(client)
        assert client.get(f"/get_report/{report_id}", headers={"Prefer": prefer}).is_success
        assert client.get("/get_report/none", headers={"Prefer": "wait=60"}).status_code == 404
    assert looks == [report_id, "none"]


def test_who_waits_is_woken_after_the_listening_connection_was_lost(
    settings: Settings, database_url: str, looks: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(changes, "_CHECK_EVERY", 0.2)
    monkeypatch.setattr(changes, "_RETRY_AFTER", 0.2)
    kill = f"SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE {LISTENING}"
    with running(settings) as client, ThreadPoolExecutor(1) as pool:
        report_id = trigger(client)
        headers = {"Prefer": "wait=60"}
        waiting: Future[Any] = pool.submit(client.get, f"/get_report/{report_id}", headers=headers)
        wait_for(lambda: bool(looks))
        wait_for(lambda: fetch(database_url, kill) == [(1,)])
        end(database_url, report_id)
        assert waiting.result(30).json()["status"] == "Failed"


def test_a_removed_report_is_a_404_for_who_waits(
    settings: Settings, database_url: str, looks: list[str]
) -> None:
    with running(settings) as client, ThreadPoolExecutor(1) as pool:
        report_id = trigger(client)
        headers = {"Prefer": "wait=60"}
        waiting = pool.submit(client.get, f"/get_report/{report_id}", headers=headers)
        wait_for(lambda: bool(looks))
        on_engine(database_url, lambda engine: remove_report(engine, report_id, who="", where=""))
        assert waiting.result(30).status_code == 404


def events_of(text: str) -> list[tuple[str, dict[str, Any]]]:
    found = []
    for block in text.strip().split("\n\n"):
        name, data = block.split("\n")
        found.append((name.removeprefix("event: "), json.loads(data.removeprefix("data: "))))
    return found


def test_events_tell_the_progress_and_the_end(
    settings: Settings, database_url: str, looks: list[str]
) -> None:
    async def go_on(engine: AsyncEngine) -> None:
        report = await begin_attempt(engine, (await find_report(engine, report_id)).id)
        assert report is not None
        for progress in (0.25, 0.5):
            await note_progress(engine, report, progress)
            await asyncio.sleep(0.3)

    with running(settings) as client, ThreadPoolExecutor(1) as pool:
        report_id = trigger(client)
        reading = pool.submit(client.get, f"/reports/{report_id}/events")
        wait_for(lambda: bool(looks))
        on_engine(database_url, go_on)
        end(database_url, report_id)
        answer = reading.result(30)
        again = client.get(f"/reports/{report_id}/events")
        assert client.get("/reports/none/events").status_code == 404
    assert answer.headers["content-type"] == "text/event-stream; charset=utf-8"
    told = [(name, data["progress"]) for name, data in events_of(answer.text)]
    assert told[0] == ("progress", 0)
    assert ("progress", 0.25) in told
    assert ("progress", 0.5) in told
    assert [name for name, _ in told].count("end") == 1
    last = {"status": "Failed", "progress": 0.5, "row_count": None, "error": "for a test"}
    assert events_of(answer.text)[-1] == ("end", last)
    assert events_of(again.text) == [("end", last)]


class Crowd:
    """A thousand clients that wait for a report, over a connection each."""

    SIZE = 1000

    def __init__(self, service: Service, report_id: str) -> None:
        self.port = service.port
        self.request = (
            f"GET /get_report/{report_id} HTTP/1.1\r\nHost: localhost:{service.port}\r\n"
            "Prefer: wait=60\r\nConnection: close\r\n\r\n"
        ).encode()
        self.asked = 0
        self.answers: list[bytes] = []

    async def wait(self) -> None:
        """Ask, all at once, and keep the answers."""
        await asyncio.gather(*(self._ask() for _ in range(self.SIZE)))

    async def _ask(self) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        writer.write(self.request)
        self.asked += 1
        self.answers.append(await reader.read())
        writer.close()


def statements(url: str) -> list[tuple[object, ...]]:
    """When each connection of the service had its last statement."""
    query = (
        "SELECT pid, query_start FROM pg_stat_activity"
        " WHERE datname = current_database() AND pid <> pg_backend_pid()"
    )
    return fetch(url, query)


def test_a_thousand_wait_over_few_connections_and_without_asking_the_database(
    service: Service,
) -> None:
    # As the server does for itself.
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    url = service.environment["DATABASE_URL"]
    [worker] = workers_of(service)
    worker.suspend()
    report_id = trigger(service.client)
    crowd = Crowd(service, report_id)
    with ThreadPoolExecutor(1) as pool:
        answered = pool.submit(asyncio.run, crowd.wait())

        def is_quiet() -> bool:
            before = statements(url)
            time.sleep(2)
            # The server looks after its worker all the same.
            return len({*statements(url)} - {*before}) <= 2

        wait_for(lambda: crowd.asked == crowd.SIZE and is_quiet(), timeout=60)
        assert crowd.answers == []
        assert len(statements(url)) < 40
        worker.resume()
        answered.result(60)
    assert len(crowd.answers) == crowd.SIZE
    assert len({answer.partition(b"\r\n\r\n")[2] for answer in crowd.answers}) == 1
    assert all(b"x-report-status: Complete" in answer for answer in crowd.answers)
