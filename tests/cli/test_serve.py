"""How the long-running processes begin, and how they end."""

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from sqlalchemy.engine import make_url
from tools.service import Service

from openhours.settings import Settings
from tests.helpers.command import openhours
from tests.helpers.debian_postgresql import BINARIES, MISSING, Cluster
from tests.helpers.waiting import wait_for

pytestmark = pytest.mark.slow

COMMANDS = (["serve", "--port", "0"], ["worker"], ["report"], ["keys", "list"], ["db"])


def assert_one_line(done: subprocess.CompletedProcess[str], code: int, *words: str) -> None:
    assert done.returncode == code, done.stderr
    assert len(done.stderr.splitlines()) == 1, done.stderr
    assert done.stderr.startswith("openhours: ")
    for word in words:
        assert word in done.stderr


@pytest.fixture
def cluster(place: Path) -> Iterator[Cluster]:
    if not BINARIES.exists():
        pytest.skip(MISSING)
    with Cluster(place / "cluster") as cluster:
        yield cluster


def test_a_wrong_password_or_database_is_one_clear_line(
    settings: Settings, place: Path, cluster: Cluster
) -> None:
    url = make_url(cluster.new_database())
    wrong = {
        "password authentication failed": url.set(password="wrong"),
        'database "nowhere" does not exist': url.set(database="nowhere"),
    }
    for message, asked in wrong.items():
        named = asked.render_as_string(hide_password=False)
        for command in COMMANDS:
            done = openhours(*command, cwd=place, DATABASE_URL=named)
            assert_one_line(done, 2, "DATABASE_URL cannot be used", message)


def test_a_data_folder_that_cannot_be_written_is_one_clear_line(
    settings: Settings, place: Path
) -> None:
    (place / "file").write_text("no folder")
    for folder in ("/proc/openhours", str(place / "file" / "home")):
        for command in COMMANDS[:3]:
            done = openhours(*command, cwd=place, OPENHOURS_DATA_DIR=folder)
            assert_one_line(done, 2, f"the data folder {folder} cannot be written")


def test_a_port_in_use_is_one_clear_line(settings: Settings, place: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        done = openhours("serve", "--port", port, cwd=place, OPENHOURS_WORKER="0")
    assert_one_line(done, 2, f"127.0.0.1:{port}", "address already in use")


def test_a_stalled_client_does_not_keep_the_service_from_ending(
    settings: Settings, place: Path
) -> None:
    service = Service(place, OPENHOURS_WORKER="0").start()
    assert service.process is not None
    address = ("127.0.0.1", service.port)
    with socket.create_connection(address) as body, socket.create_connection(address) as header:
        body.sendall(b"POST /visit HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 9\r\n\r\n1")
        header.sendall(b"GET /health HTTP/1.1\r\nHost")
        assert service.client.get("/health").status_code == 200
        service.process.send_signal(signal.SIGTERM)
        assert service.process.wait(60) == 0
    service.client.close()


def test_a_service_that_waits_for_its_database_can_be_ended(
    settings: Settings, place: Path
) -> None:
    with waiting_process(place, "serve", "--port", "0") as waiting:
        waiting.terminate()
        assert waiting.wait(60) == 0


def test_a_worker_that_waits_for_its_database_ends_with_its_server(
    settings: Settings, place: Path
) -> None:
    with waiting_process(place, "worker", "--until-stdin-closes") as waiting:
        assert waiting.stdin is not None
        waiting.stdin.close()  # as when the server was killed
        assert waiting.wait(60) == 1


@contextmanager
def waiting_process(place: Path, *command: str) -> Iterator["subprocess.Popen[bytes]"]:
    """A process that waits for a database that is not there."""
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))  # and listens not
        port = nobody.getsockname()[1]
    log = place / "log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "openhours.cli", *command],
            cwd=place,
            env=os.environ | {"DATABASE_URL": f"postgresql://nobody@127.0.0.1:{port}/none"},
            stdin=subprocess.PIPE,
            stdout=output,
            stderr=output,
        )
    try:
        wait_for(lambda: "waiting for the database" in log.read_text(), 60, log.read_text)
        yield process
    finally:
        process.kill()
        process.wait()
