"""Several servers, workers and a Dask cluster on one PostgreSQL: real processes."""

import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest
from tools.service import Service

from openhours.settings import Settings
from tests.helpers.certificates import self_signed
from tests.helpers.command import openhours, start_worker
from tests.helpers.database import fetch
from tests.helpers.seed import week_of_polls
from tests.helpers.waiting import wait_for

pytestmark = pytest.mark.slow

STORES = 1100
# Nearly a million: two partitions a report, enough to kill a worker among them.
POLLS = [
    *week_of_polls(STORES, 831, "12 minutes", "(n / 7 + s) % 5 > 0"),
    "INSERT INTO feed_clocks VALUES ('polled', '2023-01-22 22:00+00')",
]


@pytest.fixture
def filled(settings: Settings, database_url: str) -> str:
    del settings
    for statement in POLLS:
        fetch(database_url, statement)
    return database_url


def test_two_servers_and_a_worker_share_the_work(
    settings: Settings, filled: str, place: Path
) -> None:
    homes = [place / name for name in ("one", "two")]
    for home in homes:
        home.mkdir()
    each = {"OPENHOURS_INBOX_CRON": "* * * * * *", "OPENHOURS_PROCESSES": "2"}
    first, second = (Service(home, OPENHOURS_DATA_DIR=str(home), **each) for home in homes)
    assert isinstance(settings.inbox, Path)
    with first, second:
        worker = start_worker(place, OPENHOURS_DATA_DIR=str(place / "three"))
        reports = [service.trigger() for service in (first, second) * 3]
        (settings.inbox / "zones.csv").write_text("store_id,timezone_str\nstore-1,Asia/Tokyo\n")
        # Any server answers for any report.
        texts = {
            (first if number % 3 else second).wait_report(report).text
            for number, report in enumerate(reports)
        }
        assert len(texts) == 1
        time.sleep(4)
        worker.terminate()
        assert worker.wait(20) == 0
    attempts = "SELECT DISTINCT attempt FROM reports"
    assert fetch(filled, attempts) == [(1,)]
    # Each server looked into the same folder: it is one file to each, and nothing is doubled.
    assert fetch(filled, "SELECT state, sum(loaded) FROM ingestions GROUP BY state") == [
        ("complete", 1)
    ]


Cluster = tuple[str, list[subprocess.Popen[bytes]]]


@contextmanager
def dask_cluster(database_url: str, place: Path, *options: str) -> Iterator[Cluster]:
    """A scheduler and two workers; its address, and the workers."""
    environment = {**os.environ, "DATABASE_URL": database_url}
    common = ("--host", "127.0.0.1", "--dashboard-address", "127.0.0.1:0", *options)
    log = place / "dask.log"
    log.touch()

    def found() -> list[str]:
        return re.findall(r"Scheduler at: +(t\w+://127\.0\.0\.1:\d+)", log.read_text())

    with ExitStack() as stack:

        def start(part: str, *arguments: str) -> subprocess.Popen[bytes]:
            process = subprocess.Popen(
                [sys.executable, "-m", f"distributed.cli.dask_{part}", *arguments, *common],
                env=environment,
                cwd=place,
                stderr=stack.enter_context(log.open("ab")),
            )
            stack.callback(process.wait)
            stack.callback(process.kill)
            return process

        start("scheduler", "--port", "0")
        wait_for(lambda: bool(found()), 30, log.read_text)
        (address,) = found()
        yield (
            address,
            [start("worker", address, "--nthreads", "1", "--no-nanny") for _ in range(2)],
        )


@pytest.fixture
def cluster(filled: str, place: Path) -> Iterator[Cluster]:
    with dask_cluster(filled, place) as started:
        yield started


def test_a_dask_cluster_computes_the_same_figures_even_if_a_worker_is_killed(
    settings: Settings, cluster: Cluster
) -> None:
    address, workers = cluster
    folder = settings.data_dir.parent

    def full(service: Service, report: str) -> bytes:
        """With the intervals, to which all of the fleet's stores contribute."""
        return service.wait_report(report, params={"detail": "full"}).content

    with Service(folder) as service:
        expected = full(service, service.trigger(intervals=True))
    with Service(folder, OPENHOURS_DASK_SCHEDULER=address) as service:
        assert full(service, service.trigger(intervals=True)) == expected
        reports = [service.trigger(intervals=True) for _ in range(3)]
        time.sleep(0.2)
        workers[0].kill()
        for report in reports:
            assert full(service, report) == expected


def test_a_dask_cluster_with_tls_computes_for_those_who_have_its_certificate(
    settings: Settings, database_url: str, place: Path
) -> None:
    for statement in week_of_polls(3, 40, "1 hour", "n % 3 > 0"):
        fetch(database_url, statement)
    certificate, key = (str(path) for path in self_signed(place))
    with Service(place) as service:
        expected = service.wait_report(service.trigger()).content
    tls = {"--tls-ca-file": certificate, "--tls-cert": certificate, "--tls-key": key}
    options = [word for option in tls.items() for word in option]
    with dask_cluster(database_url, place, "--protocol", "tls", *options) as (address, _):
        assert address.startswith("tls://")
        files = {
            "OPENHOURS_DASK_TLS_CA_FILE": certificate,
            "OPENHOURS_DASK_TLS_CERT": certificate,
            "OPENHOURS_DASK_TLS_KEY": key,
        }
        with Service(place, OPENHOURS_DASK_SCHEDULER=address, **files) as service:
            assert service.wait_report(service.trigger()).content == expected
        (place / "other").mkdir()
        other, its_key = (str(path) for path in self_signed(place / "other"))
        files |= {"OPENHOURS_DASK_TLS_CERT": other, "OPENHOURS_DASK_TLS_KEY": its_key}
        with Service(place, OPENHOURS_DASK_SCHEDULER=address, **files) as service:
            refused = service.wait_report(service.trigger())
            assert "cannot be reached" in refused.json()["error"]


@pytest.mark.parametrize("command", ["serve", "worker", "report"])
def test_a_plain_scheduler_on_another_machine_is_refused_in_one_line(
    settings: Settings, command: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENHOURS_DASK_SCHEDULER", "tcp://192.0.2.1:8786")
    refused = openhours(command, cwd=settings.data_dir.parent)
    assert refused.returncode == 2
    (line,) = refused.stderr.splitlines()
    assert line.startswith("openhours: OPENHOURS_DASK_SCHEDULER=tcp://192.0.2.1:8786 is refused")


def test_a_scheduler_that_cannot_be_reached_fails_the_report_and_is_named(
    settings: Settings, database_url: str
) -> None:
    folder = settings.data_dir.parent
    with Service(folder, OPENHOURS_DASK_SCHEDULER="tcp://127.0.0.1:1") as service:
        answer = service.wait_report(service.trigger())
        assert answer.status_code == 500
        assert "Dask scheduler at tcp://127.0.0.1:1 cannot be reached" in answer.json()["error"]
    assert fetch(database_url, "SELECT state FROM reports") == [("failed",)]
