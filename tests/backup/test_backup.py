"""What a backup holds, and what is refused."""

import asyncio
import subprocess
import zipfile
from pathlib import Path

import obstore
import pytest
from alembic import command, config
from obstore.store import S3Store
from pydantic import SecretStr
from sqlalchemy import Connection, text
from sqlalchemy.ext.asyncio import AsyncConnection

from openhours.backup.archive import CannotBackUp, Manifest
from openhours.backup.make import make
from openhours.db.engine import alembic_dir, make_engine, raw_connection
from openhours.db.programs import ProgramFailed
from openhours.db.revisions import current_revision
from openhours.errors import SettingsError
from openhours.ingestion.queries import list_awaited_uploads
from openhours.ingestion.uploads import folder_of
from openhours.ingestion.write import add_ingestion
from openhours.settings import Settings
from openhours.stores.tables import OBSERVATIONS
from tests.helpers.backups import back_up, restore_to
from tests.helpers.command import openhours
from tests.helpers.database import fetch
from tests.helpers.debian_postgresql import BINARIES, MISSING, Cluster

pytestmark = pytest.mark.slow

STATES = "SELECT name, state, error, path FROM ingestions ORDER BY id"
JOBS = "SELECT entrypoint, convert_from(payload, 'UTF8') FROM pgqueuer ORDER BY id"
LOST = "its file was not in the backup that was restored: load it again"


def url_of(settings: Settings) -> str:
    assert settings.database_url is not None
    return settings.database_url.get_secret_value()


def queue(settings: Settings, file: Path, uploaded: bool = True) -> None:
    """Let a file wait to be loaded."""

    async def add() -> None:
        engine = make_engine(url_of(settings))
        async with engine.begin() as connection:
            await add_ingestion(connection, settings, file, name=file.name, uploaded=uploaded)
        await engine.dispose()

    asyncio.run(add())


def upload(settings: Settings, name: str) -> Path:
    file = folder_of(settings) / name
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(f"store_id,timezone_str\n{name},UTC\n")
    queue(settings, file)
    return file


def manifest_of(file: Path) -> Manifest:
    with zipfile.ZipFile(file) as archive:
        return Manifest.model_validate_json(archive.read("manifest.json"))


def test_waiting_uploads_belong_to_the_new_machine_and_lost_ones_say_so(
    settings: Settings, elsewhere: Settings, place: Path, backup_file: Path
) -> None:
    upload(settings, "here")
    upload(settings, "removed").unlink()
    queue(settings, Path("/on/another/machine/here"))
    queue(settings, settings.data_dir.parent / "inbox" / "inbox.csv", uploaded=False)
    assert back_up(settings, backup_file)[1:] == (1, 2)
    assert restore_to(elsewhere, backup_file).ingestions == (1, 3)
    new = elsewhere.data_dir / "uploads" / "here"
    assert new.read_text() == "store_id,timezone_str\nhere,UTC\n"
    assert new.stat().st_mode & 0o777 == 0o600
    states = fetch(url_of(elsewhere), STATES)
    assert states[0] == ("here", "queued", None, str(new))
    assert [state[:3] for state in states[1:]] == [
        ("removed", "failed", LOST),
        ("here", "failed", LOST),
        ("inbox.csv", "failed", LOST),
    ]
    machine = (elsewhere.data_dir / "machine-id").read_text()
    assert machine != (settings.data_dir / "machine-id").read_text()
    assert fetch(url_of(elsewhere), JOBS) == [(f"ingest@{machine}", "1")]


def test_uploads_in_an_object_store_are_in_the_backup_and_then_the_new_machine_s(
    settings: Settings,
    elsewhere: Settings,
    database_url: str,
    backup_file: Path,
    bucket: S3Store,
    place: Path,
) -> None:
    for name in ("shared", "gone"):
        content = upload(settings, name).read_bytes()
        obstore.put(bucket, f"uploads/{name}", content)
        address = f"s3://{place.name}/uploads/{name}"
        fetch(database_url, f"UPDATE ingestions SET path = '{address}' WHERE name = '{name}'")
    obstore.delete(bucket, "uploads/gone")
    assert back_up(settings, backup_file)[1:] == (1, 1)
    obstore.delete(bucket, "uploads/shared")  # it was loaded meanwhile
    assert restore_to(elsewhere, backup_file).ingestions == (1, 1)
    new = elsewhere.data_dir / "uploads" / "shared"
    assert new.read_text() == "store_id,timezone_str\nshared,UTC\n"
    states = fetch(url_of(elsewhere), STATES)
    assert states[0] == ("shared", "queued", None, str(new))
    assert states[1][:3] == ("gone", "failed", LOST)
    machine = (elsewhere.data_dir / "machine-id").read_text()
    assert fetch(url_of(elsewhere), JOBS) == [(f"ingest@{machine}", "1")]


def test_an_upload_that_is_loaded_while_it_would_be_copied_is_not_waited_for(
    settings: Settings, elsewhere: Settings, backup_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = upload(settings, "quick")
    stays = upload(settings, "stays")

    async def list_and_load(connection: AsyncConnection) -> set[str]:
        awaited = await list_awaited_uploads(connection)
        if file.exists():
            # A worker commits, then removes the file: after the snapshot that still waits for it.
            engine = make_engine(url_of(settings))
            async with engine.begin() as worker:
                done = "UPDATE ingestions SET state = 'complete' WHERE name = 'quick'"
                await worker.execute(text(done))
            await engine.dispose()
            file.unlink()
            assert awaited == {str(file), str(stays)}
        return awaited

    monkeypatch.setattr("openhours.backup.make.list_awaited_uploads", list_and_load)
    assert back_up(settings, backup_file)[1:] == (1, 0)
    assert restore_to(elsewhere, backup_file).ingestions == (1, 0)
    states = [state[:2] for state in fetch(url_of(elsewhere), STATES)]
    assert states == [("quick", "complete"), ("stays", "queued")]


def test_weeks_of_a_file_that_is_being_loaded_are_not_in_the_backup(
    settings: Settings, elsewhere: Settings, backup_file: Path
) -> None:
    async def fill_a_week() -> None:
        engine = make_engine(url_of(settings))
        async with engine.begin() as connection:
            raw = await raw_connection(connection)
            await OBSERVATIONS.create(raw, OBSERVATIONS.new_name(1))
        await engine.dispose()

    asyncio.run(fill_a_week())
    back_up(settings, backup_file)
    restore_to(elsewhere, backup_file)
    names = "SELECT relname FROM pg_class WHERE relname LIKE 'observations\\_1970%'"
    assert len(fetch(url_of(settings), names)) == 1
    assert fetch(url_of(elsewhere), names) == []


def test_an_older_schema_is_backed_up_as_it_is_and_migrated_by_the_restore(
    settings: Settings, empty_url: str, server_url: str, place: Path, backup_file: Path
) -> None:
    old = settings.model_copy(update={"database_url": SecretStr(empty_url)})
    revisions: list[str | None] = []

    def downgrade(connection: Connection) -> None:
        made = config.Config()
        made.set_main_option("script_location", str(alembic_dir()))
        made.attributes["connection"] = connection
        command.upgrade(made, "0008")

    async def note(migrate: bool, url: str) -> None:
        engine = make_engine(url)
        async with engine.begin() as connection:
            if migrate:
                await connection.run_sync(downgrade)
            revisions.append(await current_revision(connection))
        await engine.dispose()

    asyncio.run(note(True, empty_url))
    upload(old, "waits")
    back_up(old, backup_file)
    asyncio.run(note(False, empty_url))
    # The same database again: all is in the file.
    fetch(empty_url, "DROP SCHEMA public CASCADE")
    fetch(empty_url, "CREATE SCHEMA public")
    new = old.model_copy(update={"data_dir": place / "new"})
    assert restore_to(new, backup_file).ingestions == (1, 0)
    asyncio.run(note(False, empty_url))
    assert revisions[:2] == ["0008", "0008"]
    assert revisions[2] == manifest_of_newest(settings, place)


def manifest_of_newest(settings: Settings, place: Path) -> str:
    back_up(settings, place / "newest")
    return manifest_of(place / "newest").revision


def test_only_the_owner_can_read_it_and_it_replaces_nothing(
    settings: Settings, backup_file: Path
) -> None:
    back_up(settings, backup_file)
    assert backup_file.stat().st_mode & 0o777 == 0o600
    content = backup_file.read_bytes()
    again = openhours("backup", str(backup_file), cwd=backup_file.parent)
    assert_refused(again, "is there already: choose another name")
    nowhere = openhours("backup", "nowhere/file", cwd=backup_file.parent)
    assert_refused(nowhere, "nowhere/file cannot be written: it is a folder, or lies in one that")
    assert backup_file.read_bytes() == content
    assert list(backup_file.parent.glob(".*")) == []


def test_a_name_that_is_taken_meanwhile_keeps_its_file(
    settings: Settings, backup_file: Path
) -> None:
    def take(count: int) -> None:
        backup_file.write_text("another's")

    with pytest.raises(CannotBackUp, match=r"cannot be written: .*File exists"):
        asyncio.run(make(settings, backup_file, take))
    assert backup_file.read_text() == "another's"
    assert list(backup_file.parent.glob(".*")) == []


def test_a_place_without_data_is_not_backed_up_and_stays_as_it_is(
    elsewhere: Settings, backup_file: Path
) -> None:
    with pytest.raises(CannotBackUp, match="nothing to back up: the database has no tables"):
        back_up(elsewhere, backup_file)
    embedded = elsewhere.model_copy(update={"database_url": None})
    with pytest.raises(CannotBackUp, match=r"nothing to back up: .*elsewhere does not exist"):
        back_up(embedded, backup_file)
    assert not elsewhere.data_dir.exists()
    assert not backup_file.exists()


def test_a_dump_that_fails_leaves_no_file(
    settings: Settings, database_url: str, backup_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # As when retention drops a week after the snapshot.
    fetch(database_url, "CREATE TABLE gone ()")

    async def list_and_drop(connection: AsyncConnection) -> set[str]:
        engine = make_engine(database_url)
        async with engine.begin() as other:
            await other.execute(text("DROP TABLE gone"))
        await engine.dispose()
        return await list_awaited_uploads(connection)

    monkeypatch.setattr("openhours.backup.make.list_awaited_uploads", list_and_drop)
    with pytest.raises(ProgramFailed, match=r'^pg_dump: error: .*"public.gone" does not exist$'):
        back_up(settings, backup_file)
    assert list(backup_file.parent.glob("*backup*")) == []


@pytest.mark.skipif(not BINARIES.exists(), reason=MISSING)
def test_a_pg_dump_of_another_version_is_not_used(
    settings: Settings, place: Path, backup_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    programs = place / "programs"
    programs.mkdir()
    (programs / "pg_dump").write_text("#!/bin/sh\necho 'pg_dump (PostgreSQL) 17.2'\n")
    (programs / "pg_dump").chmod(0o755)
    with Cluster(place / "debian") as cluster:
        url = cluster.new_database()
        own = settings.model_copy(update={"database_url": SecretStr(url)})
        assert openhours_on(url, "db", place).returncode == 0
        monkeypatch.setenv("PATH", str(programs))
        with pytest.raises(SettingsError) as refused:
            back_up(own, backup_file)
        assert str(refused.value) == (
            "pg_dump of PostgreSQL 15 is needed, and the one in PATH is of 17: install it "
            "(Debian: apt install postgresql-client-15; then "
            "PATH=/usr/lib/postgresql/15/bin:$PATH)"
        )
        monkeypatch.setenv("PATH", f"{BINARIES}:{programs}")
        back_up(own, backup_file)
    assert manifest_of(backup_file).postgresql == 15


def openhours_on(url: str, name: str, cwd: Path) -> "subprocess.CompletedProcess[str]":
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DATABASE_URL", url)
        return openhours(name, cwd=cwd)


def assert_refused(done: "subprocess.CompletedProcess[str]", *words: str) -> None:
    assert done.returncode == 2, done.stderr
    assert len(done.stderr.splitlines()) == 1, done.stderr
    for word in words:
        assert word in done.stderr
