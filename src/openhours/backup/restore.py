"""Restoring a backup into an empty place."""

import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from sqlalchemy import func, select, text
from sqlalchemy.ext.asyncio import AsyncEngine

from openhours.accounts.signing_key import secret_file
from openhours.backup import archive
from openhours.backup.archive import CannotRestore, Manifest, Reader
from openhours.backup.make import major_version
from openhours.db import database, programs
from openhours.db.engine import migrate
from openhours.db.machine import (
    make_data_dir,
    refuse_unfinished_restore,
    unfinished_restore,
)
from openhours.db.revisions import current_revision, known_revisions
from openhours.durable import to_disk
from openhours.ingestion.relocation import Relocated, relocate
from openhours.ingestion.uploads import folder_of
from openhours.settings import Settings


class Restored(NamedTuple):
    """What was restored, and what became of the ingestions that waited."""

    manifest: Manifest
    ingestions: Relocated


async def restore(settings: Settings, file: Path, on_bytes: Callable[[int, int], None]) -> Restored:
    """Restore a backup; `on_bytes` is told of each piece of the database, and of their sum.

    Raise CannotRestore, or SettingsError where the database or data folder cannot be used: nothing
    has changed then. One that is killed leaves a mark, and the data folder is refused from then on.
    """
    with archive.verified(file) as backup:
        _refuse_newer(backup.manifest)
        marker = _mark_empty_data_dir(settings)
        with _emptied_on_failure(marker.parent):
            await _fill(settings, backup, on_bytes)
        # Jobs and paths are the old machine's until here, and no transaction holds all of it.
        ingestions = await _finish(settings, backup.manifest)
        marker.unlink()
        return Restored(backup.manifest, ingestions)


def _refuse_newer(manifest: Manifest) -> None:
    if manifest.revision not in known_revisions():
        raise CannotRestore(
            f"the backup is of openhours {manifest.openhours}, whose tables (revision "
            f"{manifest.revision}) this version does not know: install that version, or a newer one"
        )


def _mark_empty_data_dir(settings: Settings) -> Path:
    """Make the file that marks the data folder as unfinished.

    Raise CannotRestore if the folder is not empty.
    """
    refuse_unfinished_restore(settings.data_dir)
    database.check(settings)
    folder = make_data_dir(settings.data_dir)
    if any(folder.iterdir()):
        raise CannotRestore(
            f"{folder} is not empty, and a backup is restored into an empty place only: "
            "set OPENHOURS_DATA_DIR to another folder"
        )
    marker = unfinished_restore(folder)
    with marker.open("x") as made:
        to_disk(made, folder)
    return marker


@contextmanager
def _emptied_on_failure(folder: Path) -> Iterator[None]:
    try:
        yield
    except BaseException as error:
        for entry in folder.iterdir():
            if entry.is_dir():
                shutil.rmtree(entry)
            else:
                entry.unlink()
        if isinstance(error, OSError):
            raise CannotRestore(f"the backup cannot be restored: {error}") from None
        raise


async def _fill(settings: Settings, backup: Reader, on_bytes: Callable[[int, int], None]) -> None:
    """Place the secret and the uploads, and fill the database in one transaction."""
    async with database.opened_as_it_is(settings) as (engine, url):
        major = await _refuse_unfit(engine, backup.manifest)
        pg_restore = await programs.find("pg_restore", major, settings)
        if backup.has_secret:
            backup.extract_secret(secret_file(settings))
        backup.extract_uploads(folder_of(settings))
        options = ["--single-transaction", "--no-owner", "--no-privileges"]
        options.append(f"--schema={backup.manifest.namespace}")
        with backup.dump() as dump:
            async with programs.running(pg_restore, url, *options) as process:
                assert process.stdin is not None
                while piece := dump.read(archive.CHUNK):
                    process.stdin.write(piece)
                    await process.stdin.drain()
                    on_bytes(len(piece), backup.dump_size)


async def _refuse_unfit(engine: AsyncEngine, manifest: Manifest) -> int:
    """Return the server's major version. Raise CannotRestore where the backup does not go."""
    async with engine.connect() as connection:
        revision = await current_revision(connection)
        major = await major_version(connection)
        namespace = await connection.scalar(select(func.current_schema()))
    if revision is not None:
        raise CannotRestore(
            "the database is not empty, and a backup is restored into an empty one only: "
            "create another, and name it in DATABASE_URL"
        )
    if major < manifest.postgresql:
        raise CannotRestore(
            f"the backup is of PostgreSQL {manifest.postgresql}, and the database of {major}: "
            "it goes into the same version, or a newer one"
        )
    if namespace != manifest.namespace:
        raise CannotRestore(
            f"the backup's tables are in the schema {manifest.namespace}, and the database's would "
            f"be in {namespace}: make {manifest.namespace} the first of the role's search_path"
        )
    return major


async def _finish(settings: Settings, manifest: Manifest) -> Relocated:
    """Bring the schema to the newest version, and what waits to this machine's workers."""
    async with database.opened_as_it_is(settings) as (engine, _):
        await migrate(engine)
        async with engine.begin() as connection:
            ingestions = await relocate(connection, settings, manifest.uploads)
            await connection.execute(text("ANALYZE"))  # a dump has no statistics
    return ingestions
