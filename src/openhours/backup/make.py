"""Making a backup, also while servers and workers go on."""

import asyncio
import tempfile
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import NamedTuple

from sqlalchemy import func, select, text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from openhours import __version__
from openhours.accounts.signing_key import secret_file
from openhours.backup import archive
from openhours.backup.archive import CannotBackUp, Manifest, Writer
from openhours.db import database, programs
from openhours.db.machine import refuse_unfinished_restore
from openhours.db.revisions import current_revision
from openhours.ingestion.queries import list_awaited_uploads
from openhours.ingestion.uploads import folder_of
from openhours.objects import SCHEME, StoreFailed, fetch
from openhours.settings import Settings
from openhours.stores.tables import OBSERVATIONS
from openhours.times import now


class Made(NamedTuple):
    """What a backup holds: bytes, and uploads that wait; `elsewhere` are those it could not get."""

    size: int
    uploads: int
    elsewhere: int


async def make(settings: Settings, file: Path, on_bytes: Callable[[int], None]) -> Made:
    """Write a backup to a new file; `on_bytes` is told of each piece of the database.

    Raise CannotBackUp, or SettingsError without a fitting pg_dump.
    """
    refuse_unfinished_restore(settings.data_dir)
    if settings.database_url is None and not settings.data_dir.exists():
        raise CannotBackUp(f"there is nothing to back up: {settings.data_dir} does not exist")
    async with database.opened_as_it_is(settings) as (engine, url):
        manifest = await _describe(engine, settings)
        pg_dump = await programs.find("pg_dump", manifest.postgresql, settings)
        with archive.written(file) as backup:
            backup.write_manifest(manifest)
            if not manifest.secret_is_set and secret_file(settings).exists():
                backup.write_secret(secret_file(settings))
            async with _uploads_and_snapshot(engine, settings, backup) as copied:
                options = [
                    "--format=custom",
                    f"--schema={manifest.namespace}",
                    f"--snapshot={copied.snapshot}",
                    # New weeks of a file that is being loaded: locked, they would keep it waiting.
                    f"--exclude-table={OBSERVATIONS.new_names}",
                ]
                with backup.dump() as member:
                    async with programs.running(pg_dump, url, *options) as process:
                        assert process.stdout is not None
                        while piece := await process.stdout.read(archive.CHUNK):
                            member.write(piece)
                            on_bytes(len(piece))
    return Made(file.stat().st_size, copied.uploads, copied.elsewhere)


async def _describe(engine: AsyncEngine, settings: Settings) -> Manifest:
    async with engine.connect() as connection:
        revision = await current_revision(connection)
        if revision is None:
            raise CannotBackUp("there is nothing to back up: the database has no tables")
        return Manifest(
            openhours=__version__,
            made_at=now(),
            revision=revision,
            postgresql=await major_version(connection),
            namespace=str(await connection.scalar(select(func.current_schema()))),
            uploads=folder_of(settings),
            secret_is_set=settings.secret is not None,
        )


async def major_version(connection: AsyncConnection) -> int:
    """Return the major version of the server."""
    number = await connection.scalar(text("SELECT current_setting('server_version_num')::int"))
    return int(number or 0) // 10_000


class _Copied(NamedTuple):
    snapshot: str
    uploads: int
    elsewhere: int


@asynccontextmanager
async def _uploads_and_snapshot(
    engine: AsyncEngine, settings: Settings, backup: Writer
) -> AsyncIterator[_Copied]:
    """Copy the uploads that wait, and yield the snapshot in which they are all that wait.

    An upload is on disk before its row is committed, and that before its sender is answered; its
    file goes after the commit that ends the ingestion. So what the snapshot takes for waiting has
    a file, unless the ingestion has ended since: then a later snapshot does not wait for it, and
    is tried instead. What was acknowledged before is in each of them, loaded or waiting. A file
    that is still missing is one of another machine, or lost, or its object cannot be had.
    """
    copied: set[str] = set()
    missing: set[str] = set()
    while True:
        async with engine.connect() as connection:
            await connection.execution_options(isolation_level="REPEATABLE READ")
            # The snapshot lives as long as this transaction, which does nothing more.
            await connection.execute(text("SET LOCAL idle_in_transaction_session_timeout = 0"))
            snapshot = str(await connection.scalar(select(func.pg_export_snapshot())))
            waiting = await list_awaited_uploads(connection)
            gone = False
            for path in waiting - copied - missing:
                try:
                    await _copy(path, settings, backup)
                    copied.add(path)
                except (FileNotFoundError, StoreFailed):
                    missing.add(path)
                    gone = True
            if not gone:
                yield _Copied(snapshot, len(waiting & copied), len(waiting - copied))
                return


async def _copy(path: str, settings: Settings, backup: Writer) -> None:
    """Copy an upload. Raise FileNotFoundError or StoreFailed if it cannot be had."""
    if path.startswith(SCHEME):
        with tempfile.NamedTemporaryFile() as file:
            await asyncio.to_thread(fetch, path, file)
            backup.write_upload(Path(file.name), path.rpartition("/")[2])
        return
    if Path(path).parent != folder_of(settings):
        raise FileNotFoundError(path)
    backup.write_upload(Path(path), Path(path).name)
