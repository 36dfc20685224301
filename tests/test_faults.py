"""kill -9 of a server, of a worker's child, of the database: nothing is lost, doubled or stuck."""

import os
import signal
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psutil
import pytest
from tools.service import Service, children_of, workers_of

from openhours.ingestion.machine import ingest_job
from openhours.settings import Settings
from tests.helpers.database import fetch
from tests.helpers.waiting import wait_for

pytestmark = pytest.mark.slow

STORES, POLLS = 400, 300
START = datetime(2023, 1, 10, tzinfo=UTC)
ROWS = STORES * POLLS


@pytest.fixture(scope="module")
def polls() -> bytes:
    """A file that takes about a second: time enough to be killed in the middle of it."""
    lines = ["store_id,timestamp_utc,status"]
    for store in range(STORES):
        for poll in range(POLLS):
            at = START + timedelta(hours=poll, seconds=store)
            status = "inactive" if (poll * 7 + store) % 11 == 0 else "active"
            lines.append(f"{store},{at:%Y-%m-%d %H:%M:%S} UTC,{status}")
    lines.append("0,2023-01-10 00:00:00 UTC,broken")
    return ("\n".join(lines) + "\n").encode()


@pytest.fixture
def service(settings: Settings) -> Iterator[Service]:
    service = Service(settings.data_dir.parent, OPENHOURS_PROCESSES="2")
    yield service
    service.stop()


@pytest.mark.parametrize("moment", [0.1, 0.6])
def test_a_file_killed_at_any_moment_is_loaded_once_and_whole(
    service: Service, database_url: str, polls: bytes, moment: float
) -> None:
    service.start()
    answer = service.client.post("/ingest/status", content=polls)
    time.sleep(moment)
    service.kill()
    [(stored,)] = fetch(database_url, "SELECT count(*) FROM observations")
    assert stored in (0, ROWS)
    service.start()
    done = service.wait_ingestion(answer.json()["ingestion_id"])
    assert done["state"] == "complete"
    counts = [done[name] for name in ("rows", "loaded", "unchanged", "rejected")]
    assert counts == [ROWS + 1, ROWS, 0, 1]
    assert fetch(database_url, "SELECT count(*) FROM observations") == [(ROWS,)]
    assert fetch(database_url, "SELECT count(*) FROM rejected_rows") == [(1,)]
    assert list((service.folder / "home" / "uploads").iterdir()) == []
    assert list((service.folder / "home").glob("days-*")) == []
    left = "SELECT FROM pg_class WHERE relkind = 'r' AND relname ~ '^observations_[0-9]*_new_'"
    assert fetch(database_url, left) == [], "tables of the attempt that was killed"


def test_reports_killed_at_any_moment_complete_by_themselves(
    service: Service, polls: bytes
) -> None:
    service.start()
    service.upload("status", polls)
    expected = service.wait_report(service.trigger()).content
    assert expected.count(b"\n") == STORES + 1
    for moment in (0.0, 0.2):
        reports = [service.trigger() for _ in range(3)]
        time.sleep(moment)
        service.kill()
        service.start()
        for report in reports:
            answer = service.wait_report(report)
            assert (answer.status_code, answer.content) == (200, expected)


def test_a_killed_child_process_does_not_lose_the_report(
    service: Service, database_url: str, polls: bytes
) -> None:
    service.start()
    service.upload("status", polls)
    assert service.process is not None
    [worker] = workers_of(service)
    children = children_of(worker)
    assert children
    report = service.trigger()
    for child in children:
        child.kill()
    assert service.wait_report(report).status_code == 200
    worker.kill()  # the whole worker: the server starts another
    assert service.wait_report(service.trigger()).status_code == 200
    deadline = time.monotonic() + 20
    while fetch(database_url, "SELECT count(*) FROM pgqueuer") != [(0,)]:
        assert time.monotonic() < deadline, "jobs are left in the queue"


def test_three_crashes_fail_a_report_with_the_reason(
    service: Service, database_url: str, polls: bytes
) -> None:
    service.start()
    service.upload("status", polls)
    fetch(
        database_url,
        "INSERT INTO reports (report_id, attempt, as_of_beating, interpolation, lookback_days,"
        " heartbeat_expiry_seconds, observed_within_minutes, default_timezone, windows,"
        " calendar_timezone)"
        " VALUES ('thrice', 3, now(), 'nearest', 14, 150, 60, 'UTC',"
        """ '[["last_hour", "elapsed", -3600000000, 0]]', 'UTC')""",
    )
    fetch(
        database_url,
        "INSERT INTO pgqueuer (priority, status, entrypoint, payload)"
        " SELECT 0, 'queued', 'report', id::text::bytea FROM reports WHERE report_id = 'thrice'",
    )
    answer = service.wait_report("thrice")
    assert answer.status_code == 500
    assert answer.json()["status"] == "Failed"
    assert "3 times" in answer.json()["error"]


def test_an_upload_is_removed_though_who_loaded_it_was_killed_before(
    service: Service, settings: Settings, database_url: str, polls: bytes
) -> None:
    service.start()
    service.upload("status", polls)
    [(path,)] = fetch(database_url, "SELECT path FROM ingestions")
    left = Path(str(path))
    left.write_bytes(polls)
    job = ingest_job(settings, str(left), uploaded=True)
    fetch(
        database_url,
        "INSERT INTO pgqueuer (priority, status, entrypoint, payload)"
        f" SELECT 0, 'queued', '{job}', id::text::bytea FROM ingestions",
    )
    wait_for(lambda: not left.exists())
    assert fetch(database_url, "SELECT attempt, loaded FROM ingestions") == [(1, ROWS)]


def test_the_database_is_killed_and_comes_back(
    settings: Settings, polls: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On the embedded server, which the service starts again by itself."""
    monkeypatch.delenv("DATABASE_URL")
    home = settings.data_dir
    with Service(home.parent, OPENHOURS_PROCESSES="2") as service:
        service.upload("status", polls)
        report = service.trigger()
        kill_database(home)
        codes = set()
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline:
            answer = service.client.post("/trigger_report")
            codes.add(answer.status_code)
            if answer.status_code == 200:
                break
        assert codes <= {200, 503}
        assert service.client.get("/health").status_code == 200
        for one in (report, answer.json()["report_id"]):
            assert service.wait_report(one).text.count("\n") == STORES + 1
        service.kill()  # and the data outlives server and database together
        kill_database(home)
        service.start()
        assert service.wait_report(report).status_code == 200


def kill_database(home: Path) -> None:
    postmaster = int((home / "postgresql" / "postmaster.pid").read_text().split()[0])
    children = psutil.Process(postmaster).children()
    os.kill(postmaster, signal.SIGKILL)
    psutil.wait_procs(children, timeout=10)
