"""A process is believed to be the server of a folder only if it works in that very folder."""

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest

from openhours.db import embedded, postmaster
from tests.helpers.database import fetch

pytestmark = pytest.mark.slow


@pytest.fixture
def home(place: Path) -> Iterator[Path]:
    """A data directory whose server is stopped at the end."""
    home = place / "home"
    yield home
    embedded.leave(home)


def folder_of(home: Path) -> Path:
    return home / "postgresql"


def kill_server(home: Path) -> None:
    """Kill the postmaster with -9; its children end by themselves."""
    server = postmaster.live(folder_of(home))
    assert server is not None
    children = server.children()
    server.kill()
    psutil.wait_procs([server, *children], timeout=20)


@contextmanager
def another_process() -> Iterator[int]:
    """The id of a live process of the user whom the server runs as, which is none of it."""
    user = "pgserver" if os.geteuid() == 0 else None
    with subprocess.Popen(["sleep", "600"], user=user) as other:
        yield other.pid
        other.kill()


def name_in(home: Path, pid: int) -> None:
    """Let the files that a killed server has left name another process, as a reused id does."""
    for name in ("postmaster.pid", ".s.PGSQL.5432.lock"):
        file = folder_of(home) / name
        file.write_text("\n".join([str(pid), *file.read_text().splitlines()[1:]]) + "\n")


def test_a_killed_server_whose_id_another_process_has_is_started_again(home: Path) -> None:
    url = embedded.start(home)
    fetch(url, "CREATE TABLE kept AS SELECT 42 AS value")
    kill_server(home)
    with another_process() as pid:
        name_in(home, pid)
        assert not embedded.is_running(home)
        assert fetch(embedded.start(home), "SELECT value FROM kept") == [(42,)]
        assert psutil.pid_exists(pid)


def test_a_server_that_is_killed_ten_times_is_started_ten_times(home: Path) -> None:
    fetch(embedded.start(home), "CREATE TABLE kept (value int)")
    for value in range(10):
        kill_server(home)
        with another_process() as pid:
            if value % 2:
                name_in(home, pid)
            fetch(embedded.start(home), f"INSERT INTO kept VALUES ({value})")
    kept = fetch(embedded.start(home), "SELECT value FROM kept ORDER BY value")
    assert kept == [(value,) for value in range(10)]


@pytest.mark.parametrize("content", ["", "17", "text\n\n", "{pid}\n/nowhere\n0\n"])
def test_a_file_that_names_no_server_is_not_in_the_way(home: Path, content: str) -> None:
    embedded.start(home)
    kill_server(home)
    (folder_of(home) / "postmaster.pid").write_text(content.format(pid=os.getpid()))
    assert not embedded.is_running(home)
    assert fetch(embedded.start(home), "SELECT 1") == [(1,)]


def test_a_copy_of_a_running_folder_is_a_database_of_its_own(home: Path, place: Path) -> None:
    url = embedded.start(home)
    fetch(url, "CREATE TABLE kept AS SELECT 1 AS value")
    fetch(url, "CHECKPOINT")
    copy = place / "copy"
    subprocess.run(["cp", "-a", home, copy], check=True)
    assert not embedded.is_running(copy)
    try:
        copied = embedded.start(copy)
        assert copied != url
        fetch(copied, "INSERT INTO kept VALUES (2)")
        assert fetch(copied, "SELECT value FROM kept ORDER BY value") == [(1,), (2,)]
        assert fetch(url, "SELECT value FROM kept") == [(1,)]
    finally:
        embedded.leave(copy)
    assert not embedded.is_running(copy)  # though the original is still in use
    assert embedded.is_running(home)


def test_a_folder_that_was_moved_under_its_server_is_refused(
    home: Path, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(embedded, "_STRAYS_TIMEOUT", 0.0)
    embedded.start(home)
    moved = place / "moved"
    home.rename(moved)
    try:
        with pytest.raises(embedded.EmbeddedRefused, match=r"still work in .*moved/postgresql"):
            embedded.start(moved)
    finally:
        moved.rename(home)
