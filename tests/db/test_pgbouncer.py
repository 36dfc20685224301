"""PgBouncer serves in session mode; its other modes are refused when a command starts."""

import os
import shutil
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from sqlalchemy.engine import make_url
from tools.service import Service

from openhours.settings import Settings
from tests.helpers.command import openhours
from tests.helpers.debian_postgresql import BINARIES, Cluster
from tests.helpers.waiting import wait_for

PGBOUNCER = shutil.which("pgbouncer", path=os.environ["PATH"] + ":/usr/sbin")
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        PGBOUNCER is None or not BINARIES.exists(),
        reason="needs `apt-get install pgbouncer postgresql-15`",
    ),
]
IGNORE = "jit, statement_timeout"


@pytest.fixture
def database(place: Path) -> Iterator[str]:
    with Cluster(place / "cluster") as cluster:
        yield cluster.new_database()


@contextmanager
def pgbouncer(place: Path, database: str, mode: str, ignore: str = IGNORE) -> Iterator[str]:
    """The URL of the database through a PgBouncer in this mode."""
    url = make_url(database)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    (place / "users.txt").write_text(f'"{url.username}" "{url.password}"\n')
    (place / "pgbouncer.ini").write_text(
        f"""
        [databases]
        * = host=127.0.0.1 port={url.port}
        [pgbouncer]
        listen_addr = 127.0.0.1
        listen_port = {port}
        unix_socket_dir =
        auth_type = plain
        auth_file = {place}/users.txt
        pool_mode = {mode}
        ignore_startup_parameters = {ignore}
        default_pool_size = 60
        """.replace("        ", "")
    )
    user = ["--user=postgres"] if os.geteuid() == 0 else []
    with (place / "pgbouncer.log").open("wb") as log:
        process = subprocess.Popen(
            [str(PGBOUNCER), *user, str(place / "pgbouncer.ini")], stdout=log, stderr=log
        )
    try:
        wait_for(lambda: b"process up" in (place / "pgbouncer.log").read_bytes(), 60)
        yield url.set(port=port).render_as_string(hide_password=False)
    finally:
        process.kill()
        process.wait()


@pytest.mark.parametrize(
    ("mode", "ignore", "message"),
    [
        ("transaction", IGNORE, "PgBouncer does not pool by session: openhours needs pool_mode"),
        ("statement", IGNORE, "PgBouncer does not pool by session: openhours needs pool_mode"),
        ("session", "", "let it ignore_startup_parameters = jit, statement_timeout"),
    ],
)
def test_what_does_not_work_is_refused_with_one_line(
    settings: Settings, place: Path, database: str, mode: str, ignore: str, message: str
) -> None:
    with pgbouncer(place, database, mode, ignore) as url:
        for command in (["serve", "--port", "0"], ["worker"], ["db"], ["report"]):
            done = openhours(*command, cwd=place, DATABASE_URL=url)
            assert done.returncode == 2
            assert len(done.stderr.splitlines()) == 1, done.stderr
            assert message in done.stderr


def test_session_mode_serves_files_reports_and_heartbeats(
    settings: Settings, place: Path, database: str
) -> None:
    with (
        pgbouncer(place, database, "session") as url,
        Service(place, DATABASE_URL=url) as service,
    ):
        polls = b"store_id,timestamp_utc,status\n1,2023-01-22 12:09:39 UTC,active\n"
        assert service.upload("status", polls)["loaded"] == 1
        assert service.client.post("/track").status_code == 201
        answer = service.wait_report(service.trigger())
        assert answer.status_code == 200
        assert answer.text.count("\n") == 3
        assert service.client.get("/health").json()["workers"] == 1
