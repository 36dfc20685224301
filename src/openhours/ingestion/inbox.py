"""The periodic ingestion job: new and changed files of a folder are queued for loading."""

import logging
import os
import secrets
import time
from pathlib import Path

from sqlalchemy import func, insert, select, text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from openhours.db.machine import machine_id
from openhours.db.queue import enqueue
from openhours.settings import Settings
from openhours.stores.tables import Ingestion

log = logging.getLogger(__name__)

_ENDINGS = (".csv", ".csv.gz", ".zip")
_LOCK = 0x696E626F  # "inbo": workers that share a folder look into it one after the other
# A file changed so recently may still be being written: it waits for the next look.
_STILL_WRITING_NS = 1_000_000_000


def ingest_job(settings: Settings) -> str:
    """The job that loads a file: only workers with this data directory, which have it, take it."""
    return f"ingest@{machine_id(settings.data_dir)}"


def scan_job(settings: Settings) -> str:
    """The schedule that looks into this machine's folder."""
    return f"inbox@{machine_id(settings.data_dir)}"


async def add_ingestion(
    connection: AsyncConnection,
    settings: Settings,
    path: Path,
    *,
    name: str,
    kind: str | None = None,
    uploaded: bool = False,
    size: int | None = None,
    modified_ns: int | None = None,
) -> str:
    """Insert an ingestion and its job, to be committed together by the caller; its id."""
    ingestion_id = secrets.token_urlsafe(12)
    number = await connection.scalar(
        insert(Ingestion)
        .values(
            ingestion_id=ingestion_id,
            kind=kind,
            name=name,
            path=str(path),
            uploaded=uploaded,
            size=size,
            modified_ns=modified_ns,
        )
        .returning(Ingestion.id)
    )
    await enqueue(connection, ingest_job(settings), str(number))
    return ingestion_id


def csv_files(folder: Path) -> list[Path]:
    """Return the files of a folder that may be loaded, sorted; none if there is no such folder."""
    if not folder.is_dir():
        return []
    return [
        path
        for path in sorted(folder.resolve().iterdir())
        if path.name.lower().endswith(_ENDINGS) and path.is_file()
    ]


async def scan(engine: AsyncEngine, settings: Settings) -> int:
    """Queue the files of the inbox that are new or changed since they were last read; how many."""
    queued = 0
    async with engine.begin() as connection:
        await connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK})
        for path in csv_files(settings.inbox):
            stat = path.stat()
            if time.time_ns() - stat.st_mtime_ns < _STILL_WRITING_NS:
                continue
            if await _is_known(connection, path, stat):
                continue
            log.info("inbox: %s is new or has changed", _text(path.name))
            if _text(path.name) != path.name:
                await _refuse_name(connection, path, stat)
                continue
            await add_ingestion(
                connection,
                settings,
                path,
                name=path.name,
                size=stat.st_size,
                modified_ns=stat.st_mtime_ns,
            )
            queued += 1
    return queued


def _text(name: str | Path) -> str:
    """A file's name as PostgreSQL and people can have it: bytes that are no UTF-8 as `\\xff`."""
    return os.fsencode(name).decode(errors="backslashreplace")


async def _refuse_name(connection: AsyncConnection, path: Path, stat: os.stat_result) -> None:
    await connection.execute(
        insert(Ingestion).values(
            ingestion_id=secrets.token_urlsafe(12),
            name=_text(path.name),
            path=_text(path),
            uploaded=False,
            state="failed",
            error="the file's name is not UTF-8: rename it",
            size=stat.st_size,
            modified_ns=stat.st_mtime_ns,
            started_at=func.clock_timestamp(),
            finished_at=func.clock_timestamp(),
        )
    )


async def _is_known(connection: AsyncConnection, path: Path, stat: os.stat_result) -> bool:
    """Whether the newest ingestion of this path waits, or read the file as it is now."""
    newest = (
        await connection.execute(
            select(Ingestion.state, Ingestion.size, Ingestion.modified_ns)
            .where(Ingestion.path == _text(path))
            .order_by(Ingestion.id.desc())
            .limit(1)
        )
    ).one_or_none()
    if newest is None:
        return False
    if newest.state == "queued":
        return True
    return bool(newest.size == stat.st_size and newest.modified_ns == stat.st_mtime_ns)
