"""The service on Debian's PostgreSQL 15, with an ordinary role that owns its database."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy.engine import make_url
from tools.service import Service

from openhours.settings import Settings
from tests.helpers.command import openhours
from tests.helpers.database import fetch
from tests.helpers.debian_postgresql import BINARIES, MISSING, Cluster
from tests.helpers.waiting import wait_for

pytestmark = pytest.mark.skipif(not BINARIES.exists(), reason=MISSING)

POLLS = b"""store_id,timestamp_utc,status
zebra,2023-01-23 00:00:00 UTC,active
Zoo,2023-01-23 06:00:00 UTC,active
Zoo,2023-01-23 00:00:00 UTC,inactive
Zoo,yesterday,active
"""
HOURS = b"store_id,day,start_time_local,end_time_local\nZoo,0,00:00,03:00\n"
ZONES = b"store_id,timezone_str\nzebra,UTC\nZoo,UTC\n"
# T is 06:00 on Monday. Zoo is open for three hours on Mondays alone.
ROWS = ["Zoo,0.00,0.00,0.00,0.00,3.00,3.00", "zebra,60.00,24.00,168.00,0.00,0.00,0.00"]


@pytest.fixture(scope="module")
def cluster(folder: Path) -> Iterator[Cluster]:
    with Cluster(folder / "postgresql-15") as running:
        yield running


@pytest.fixture
def database_url(cluster: Cluster) -> str:
    return cluster.new_database()


def load(service: Service) -> None:
    assert service.upload("hours", HOURS)["loaded"] == 1
    assert service.upload("timezones", ZONES)["loaded"] == 2
    done = service.upload("status", POLLS)
    assert [done[name] for name in ("state", "rows", "loaded", "rejected")] == ["complete", 4, 3, 1]


def report_rows(service: Service) -> list[str]:
    return service.wait_report(service.trigger()).text.splitlines()[1:]


def test_the_role_is_an_ordinary_one(database_url: str) -> None:
    rights = "rolsuper, rolcreatedb, rolcreaterole, rolreplication, rolbypassrls"
    mine = fetch(database_url, f"SELECT {rights} FROM pg_roles WHERE rolname = current_user")
    assert mine == [(False,) * 5]
    [(version,)] = fetch(database_url, "SELECT current_setting('server_version_num')::int / 10000")
    assert version == 15


def test_files_become_a_report_sorted_bytewise(service: Service, database_url: str) -> None:
    # Of itself this database sorts as people do.
    assert fetch(database_url, "SELECT 'Zoo' < 'zebra'") == [(False,)]
    load(service)
    assert report_rows(service) == ROWS


def test_old_weeks_go_and_newer_ones_stay(
    settings: Settings, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENHOURS_KEEP_DAYS", "30")
    monkeypatch.setenv("OPENHOURS_RETENTION_CRON", "* * * * * *")  # each second
    weeks = (
        "SELECT count(*), (SELECT count(*) FROM observations) FROM pg_inherits"
        " WHERE inhparent = 'observations'::regclass"
    )
    present = datetime.now(UTC)
    times = [present - timedelta(days=days) for days in (1, 20, 60, 90)]
    lines = [f"a,{at:%Y-%m-%d %H:%M:%S} UTC,active\n" for at in times]
    with Service(settings.data_dir.parent) as service:
        service.upload("status", "".join(["store_id,timestamp_utc,status\n", *lines]).encode())
        wait_for(lambda: fetch(database_url, weeks) == [(2, 2)], story=service.log.read_text)
        assert report_rows(service)[0].startswith("a,60.00,24.00,168.00,")


def test_the_database_is_restarted_and_crashes_under_the_service(
    service: Service, cluster: Cluster
) -> None:
    load(service)
    for mode in ("fast", "immediate"):
        before = service.trigger()
        cluster.stop(mode)
        try:
            assert service.client.get("/health").status_code == 503
            assert service.client.post("/trigger_report").status_code == 503
        finally:
            cluster.start()
        wait_for(lambda: service.client.get("/health").json()["workers"] == 1)
        assert service.wait_report(before).text.splitlines()[1:] == ROWS
        assert service.upload("status", POLLS)["unchanged"] == 3
        assert report_rows(service) == ROWS


def test_the_service_is_restarted_and_goes_on(service: Service) -> None:
    load(service)
    first = service.wait_report(service.trigger()).content
    late = b"store_id,timestamp_utc,status\nzebra,2023-01-22 12:00:00 UTC,inactive\n"
    upload = service.client.post("/ingest/status", content=late).json()["ingestion_id"]
    second = service.trigger()
    service.kill()
    service.start()
    assert service.wait_ingestion(upload)["loaded"] == 1
    assert service.wait_report(second).status_code == 200
    service.stop()
    service.start()
    assert service.wait_report(service.trigger()).content != first


def test_a_key_that_the_command_makes_is_taken(service: Service, settings: Settings) -> None:
    made = openhours(
        "keys", "create", "--scope", "ingest", "--name", "loader", cwd=settings.data_dir.parent
    )
    assert made.returncode == 0, made.stderr
    key = {"Authorization": f"Bearer {made.stdout.strip()}"}
    assert service.client.post("/ingest/status", content=POLLS).status_code == 401
    taken = service.client.post("/ingest/status", content=POLLS, headers=key)
    assert taken.status_code == 202


def test_a_database_that_refuses_us_is_explained_in_a_line(
    settings: Settings, cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    owned = make_url(cluster.new_database())
    for url, message in (
        (make_url(cluster.new_database("ALL")), "the owner of the database (ALTER DATABASE"),
        (owned.set(password="wrong"), "cannot be used: password authentication failed for user"),
        (owned.set(database="nowhere"), 'cannot be used: database "nowhere" does not exist'),
    ):
        monkeypatch.setenv("DATABASE_URL", url.render_as_string(hide_password=False))
        refused = openhours("db", cwd=settings.data_dir.parent)
        assert refused.returncode == 2
        assert message in refused.stderr
        assert "Traceback" not in refused.stderr
