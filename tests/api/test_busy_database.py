"""A database that has too much to do, or is stalled, makes a 503 and does not stop the rest."""

import asyncio
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import FIRST_COMPLETED, ThreadPoolExecutor, wait
from contextlib import contextmanager
from pathlib import Path

import asyncpg
import httpx
import psutil
import pytest
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from tools.service import Service

from openhours.db.engine import is_database_away
from openhours.settings import Settings
from tests.helpers.database import fetch
from tests.helpers.waiting import wait_for

VISIT = {"user_id": "ann", "page_url": "/"}
CLIENTS = 40


@pytest.fixture
def service(settings: Settings, place: Path) -> Iterator[Service]:
    """A server without a worker, whose queries may take a second."""
    with Service(place, OPENHOURS_WORKER="0", OPENHOURS_QUERY_TIMEOUT_SECONDS="1") as running:
        yield running


@contextmanager
def reads_that_take_long(url: str) -> Iterator[None]:
    """A lock that every reader of corrections waits for."""
    with asyncio.Runner() as runner:
        connection = runner.run(asyncpg.connect(url))
        runner.run(connection.execute("BEGIN; LOCK TABLE corrections"))
        yield
        runner.run(connection.close())


@contextmanager
def stalled_database(url: str) -> Iterator[None]:
    """The server's processes are stopped, as by a disk that does not answer."""
    query = (
        "SELECT pid FROM pg_stat_activity"
        " WHERE datname = current_database() AND pid <> pg_backend_pid()"
    )
    stopped = [psutil.Process(int(str(pid))) for (pid,) in fetch(url, query)]
    for process in stopped:
        process.suspend()
    try:
        yield
    finally:
        for process in stopped:
            if process.is_running():
                process.resume()


def read(service: Service) -> httpx.Response:
    return httpx.get(f"{service.url}/corrections", timeout=60)


@pytest.mark.slow
def test_slow_reads_stop_neither_writes_nor_health_checks(
    settings: Settings, place: Path, database_url: str
) -> None:
    with (
        Service(place, OPENHOURS_WORKER="0", OPENHOURS_QUERY_TIMEOUT_SECONDS="10") as service,
        ThreadPoolExecutor(CLIENTS) as clients,
        reads_that_take_long(database_url),
    ):
        readers = [clients.submit(read, service) for _ in range(CLIENTS)]
        refused, held = wait(readers, 60, FIRST_COMPLETED)
        assert {reader.result().status_code for reader in refused} == {503}
        assert held
        for count in range(1, 11):
            answer = service.client.post("/visit", json=VISIT)
            assert (answer.status_code, answer.json()["visit_count"]) == (200, count)
            assert service.client.get("/health").status_code == 200
            assert "openhours_database_up 1.0" in service.client.get("/metrics").text
        for refusal in (reader.result() for reader in readers):
            assert refusal.status_code == 503
            assert int(refusal.headers["Retry-After"]) > 0
            assert refusal.json()["detail"].startswith("the database has too much to do")


@pytest.mark.slow
def test_a_stalled_database_ends_in_503_and_the_service_goes_on_after_it(
    service: Service, database_url: str
) -> None:
    assert service.client.post("/visit", json=VISIT).status_code == 200
    with ThreadPoolExecutor(CLIENTS) as clients:
        list(clients.map(lambda _: read(service), range(CLIENTS)))  # all connections are open
        with stalled_database(database_url):
            written = clients.submit(service.client.post, "/visit", json=VISIT)
            codes = Counter(clients.map(lambda _: read(service).status_code, range(CLIENTS)))
            assert set(codes) <= {503, 200}  # a new connection's process is not stopped
            assert codes[503] >= 1
            assert written.result().status_code == 503
    wait_for(lambda: service.client.post("/visit", json=VISIT).status_code == 200)
    wait_for(lambda: read(service).status_code == 200)
    assert "Traceback" not in service.story()


@pytest.mark.parametrize(
    "error",
    [
        TimeoutError(),
        PoolTimeoutError("QueuePool limit reached"),
        asyncpg.QueryCanceledError("canceling statement due to statement timeout"),
        asyncpg.InternalClientError("got result for unknown protocol state 3"),
    ],
)
def test_what_is_no_fault_of_the_request_is_none_of_the_service_either(error: Exception) -> None:
    assert is_database_away(error)
