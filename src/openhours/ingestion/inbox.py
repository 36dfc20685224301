"""Inbox: new and changed files of a folder are queued to be loaded, periodically."""

import logging
import os
import time
from pathlib import Path

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from openhours.ingestion.queries import find_newest_of_path
from openhours.ingestion.write import add_ingestion
from openhours.settings import Settings

log = logging.getLogger(__name__)

_ENDINGS = (".csv", ".csv.gz", ".zip")
_LOCK = 0x696E626F  # "inbo": workers that share a folder scan it one after the other
# A file changed so recently may still be being written: it waits for the next scan.
_STILL_WRITING_NS = 1_000_000_000


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
    """Queue the files of the inbox that are new or have changed since they were read.

    Return how many. A file whose name is not UTF-8 is refused.
    """
    queued = 0
    async with engine.begin() as connection:
        await connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK})
        for path in csv_files(settings.inbox):
            stat = path.stat()
            if time.time_ns() - stat.st_mtime_ns < _STILL_WRITING_NS:
                continue
            name = _printable(path.name)
            if await _is_known(connection, _printable(path), stat):
                continue
            log.info("inbox: %s is new or has changed", name)
            refusal = None if name == path.name else "the file's name is not UTF-8: rename it"
            await add_ingestion(
                connection,
                settings,
                Path(_printable(path)),
                name=name,
                size=stat.st_size,
                modified_ns=stat.st_mtime_ns,
                refusal=refusal,
            )
            queued += refusal is None
    return queued


def _printable(name: str | Path) -> str:
    """Return a file's name as PostgreSQL can store it: bytes that are not UTF-8 as `\\xff`."""
    return os.fsencode(name).decode(errors="backslashreplace")


async def _is_known(connection: AsyncConnection, path: str, stat: os.stat_result) -> bool:
    """Return whether the newest ingestion of this path waits, or read the file as it is now."""
    newest = await find_newest_of_path(connection, path)
    if newest is None:
        return False
    if newest.state == "queued":
        return True
    return bool(newest.size == stat.st_size and newest.modified_ns == stat.st_mtime_ns)
