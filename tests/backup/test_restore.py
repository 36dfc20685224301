"""A backup is restored whole and into an empty place, or not at all."""

import json
import shutil
import subprocess
import sys
import time
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from pydantic import SecretStr

from openhours.backup.archive import CannotRestore
from openhours.db.machine import unfinished_restore
from openhours.db.programs import ProgramFailed
from openhours.errors import OpenhoursError
from openhours.settings import Settings
from tests.helpers.backups import back_up, restore_to
from tests.helpers.command import openhours
from tests.helpers.database import fetch
from tests.helpers.seed import week_of_polls
from tests.helpers.waiting import wait_for

pytestmark = pytest.mark.slow

TABLES = "SELECT count(*) FROM pg_tables WHERE schemaname = 'public'"
OTHERS = """
SELECT count(*) FROM pg_stat_activity
WHERE datname = current_database() AND pid <> pg_backend_pid()
"""
FILLING = """
SELECT count(*) FROM pg_stat_activity
WHERE datname = current_database() AND application_name = 'pg_restore' AND query LIKE 'COPY %'
"""
WHOLE = """
SELECT (SELECT count(*) FROM observations), (SELECT count(*) FROM pg_constraint),
       (SELECT count(*) FROM pg_index), (SELECT count(*) FROM pg_trigger)
"""
POLLS = 200_000


@pytest.fixture
def backup(settings: Settings, database_url: str, backup_file: Path) -> Path:
    """A backup of some polls, with a secret."""
    for statement in week_of_polls(250, POLLS // 250, "12 minutes", "true"):
        fetch(database_url, statement)
    settings.data_dir.mkdir()
    (settings.data_dir / "secret").write_text("s" * 43)
    back_up(settings, backup_file)
    return backup_file


def assert_empty(place: Settings) -> None:
    assert place.database_url is not None
    assert fetch(place.database_url.get_secret_value(), TABLES) == [(0,)]
    assert not place.data_dir.exists() or not any(place.data_dir.iterdir())


def assert_refused(place: Settings, file: Path, words: str) -> None:
    with pytest.raises(CannotRestore, match=words):
        restore_to(place, file)
    assert_empty(place)
    assert not place.data_dir.exists()


def test_a_file_that_was_cut_off_is_refused(elsewhere: Settings, backup: Path, place: Path) -> None:
    content = backup.read_bytes()
    cut = place / "cut"
    for length in (0, 1, 100, len(content) // 2, len(content) - 22, len(content) - 1):
        cut.write_bytes(content[:length])
        assert_refused(elsewhere, cut, "is not a backup of openhours, or was cut off")


def test_a_file_with_a_broken_byte_is_refused_wherever_it_is(
    elsewhere: Settings, backup: Path, place: Path
) -> None:
    content = backup.read_bytes()
    broken = place / "broken"
    # All but what no reader looks at: times, and attributes of another system.
    for at in (0, 70, 400, len(content) // 2, len(content) - 3000 // 4, len(content) - 10):
        broken.write_bytes(content[:at] + bytes([content[at] ^ 0x40]) + content[at + 1 :])
        assert_refused(elsewhere, broken, "backup of openhours|is broken")


def rewritten(backup: Path, to: Path, change: Callable[[dict[str, object]], None]) -> Path:
    """A copy with another manifest."""
    with zipfile.ZipFile(backup) as old, zipfile.ZipFile(to, "w") as new:
        for name in old.namelist():
            content = old.read(name)
            if name == "manifest.json":
                manifest = json.loads(content)
                change(manifest)
                content = json.dumps(manifest).encode()
            new.writestr(name, content)
    return to


def test_a_newer_schema_or_format_is_refused(
    elsewhere: Settings, backup: Path, place: Path
) -> None:
    newer = rewritten(
        backup, place / "newer", lambda manifest: manifest.update(revision="9999", openhours="9.0")
    )
    words = r"of openhours 9\.0, whose tables \(revision 9999\) this version does not know"
    assert_refused(elsewhere, newer, words)
    other = rewritten(backup, place / "other", lambda manifest: manifest.update(format=2))
    assert_refused(elsewhere, other, "not a backup that this version of openhours can read")


def test_a_newer_postgresql_does_not_go_into_an_older_one(
    elsewhere: Settings, backup: Path, place: Path
) -> None:
    newer = rewritten(backup, place / "newer", lambda manifest: manifest.update(postgresql=99))
    with pytest.raises(CannotRestore, match="the backup is of PostgreSQL 99, and the database of"):
        restore_to(elsewhere, newer)
    assert_empty(elsewhere)


def test_names_that_lead_elsewhere_are_refused(
    elsewhere: Settings, backup: Path, place: Path
) -> None:
    for name in ("uploads/../../evil", "uploads//etc/evil", "uploads/", "evil"):
        evil = place / "evil-backup"
        shutil.copy(backup, evil)
        with zipfile.ZipFile(evil, "a") as archive:
            archive.writestr(name, b"x")
        assert_refused(elsewhere, evil, "is not a backup of openhours$")


def test_other_archives_are_refused(elsewhere: Settings, place: Path) -> None:
    other = place / "other"
    with zipfile.ZipFile(other, "w") as archive:
        archive.writestr("hours.csv", b"store_id")
    assert_refused(elsewhere, other, "is not a backup of openhours$")
    assert_refused(elsewhere, place / "nowhere", "nowhere cannot be read: No such file")


def test_a_place_with_data_keeps_it(
    settings: Settings, elsewhere: Settings, database_url: str, backup: Path
) -> None:
    full = elsewhere.model_copy(update={"database_url": SecretStr(database_url)})
    before = fetch(database_url, "SELECT count(*) FROM observations")
    with pytest.raises(CannotRestore, match="the database is not empty"):
        restore_to(full, backup)
    assert fetch(database_url, "SELECT count(*) FROM observations") == before
    assert not any(elsewhere.data_dir.iterdir())
    (elsewhere.data_dir / "mine").write_text("x")
    with pytest.raises(CannotRestore, match="elsewhere is not empty, and a backup is restored"):
        restore_to(elsewhere, backup)
    assert (elsewhere.data_dir / "mine").read_text() == "x"
    typed = openhours("restore", str(backup), cwd=backup.parent)
    assert (typed.returncode, len(typed.stderr.splitlines())) == (2, 1), typed.stderr


def test_a_restore_that_fails_leaves_the_place_empty(
    elsewhere: Settings, empty_url: str, backup: Path
) -> None:
    # Not a table of ours, but of the name of one.
    fetch(empty_url, "CREATE TABLE visits ()")
    with pytest.raises(ProgramFailed, match=r'^pg_restore: error: .*"visits" already exists'):
        restore_to(elsewhere, backup)
    assert not any(elsewhere.data_dir.iterdir())
    fetch(empty_url, "DROP TABLE visits")
    assert_empty(elsewhere)
    restore_to(elsewhere, backup)
    assert fetch(empty_url, "SELECT count(*) FROM observations") == [(POLLS,)]
    assert (elsewhere.data_dir / "secret").read_text() == "s" * 43
    assert (elsewhere.data_dir / "secret").stat().st_mode & 0o777 == 0o600


def test_a_killed_restore_leaves_a_place_that_is_whole_or_refused(
    settings: Settings,
    elsewhere: Settings,
    empty_url: str,
    database_url: str,
    backup: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("DATABASE_URL", empty_url)
    monkeypatch.setenv("OPENHOURS_DATA_DIR", str(elsewhere.data_dir))
    mark = unfinished_restore(elsewhere.data_dir)
    left: list[tuple[bool, bool]] = []
    for begun in (mark.exists, *[lambda: fetch(empty_url, FILLING) != [(0,)]] * 3):
        killed = begin_restore(backup, begun)
        time.sleep(len(left) * 0.1)
        killed.kill()
        killed.wait()
        # What its transaction holds, PostgreSQL may still roll back or commit.
        wait_for(lambda: fetch(empty_url, OTHERS) == [(0,)])
        filled = fetch(empty_url, TABLES) != [(0,)]
        left.append((mark.exists(), filled))
        if mark.exists():
            with pytest.raises(OpenhoursError, match="did not finish: remove this folder, empty"):
                restore_to(elsewhere, backup)
        if filled:
            assert fetch(empty_url, WHOLE) == fetch(database_url, WHOLE)
        shutil.rmtree(elsewhere.data_dir)
        fetch(empty_url, "DROP SCHEMA public CASCADE")
        fetch(empty_url, "CREATE SCHEMA public")
    assert (True, False) in left
    assert (False, False) not in left
    restore_to(elsewhere, backup)


def begin_restore(backup: Path, begun: Callable[[], bool]) -> "subprocess.Popen[bytes]":
    """A restore that has come so far."""
    process = subprocess.Popen(
        [sys.executable, "-m", "openhours.cli", "restore", str(backup)],
        cwd=backup.parent,
        stderr=subprocess.DEVNULL,
    )
    wait_for(lambda: begun() or process.poll() is not None, 60)
    return process


def test_a_place_whose_restore_was_killed_is_refused_by_every_command(
    settings: Settings, backup: Path
) -> None:
    mark = unfinished_restore(settings.data_dir)
    mark.touch()
    for command in (["serve"], ["report"], ["backup", "x"]):
        refused = openhours(*command, cwd=backup.parent)
        assert refused.returncode == 2
        assert f"a restore into {mark.parent} did not finish: remove" in refused.stderr
