"""Inbox: new and changed files of a folder are queued to be loaded, periodically."""

import logging
import os
import stat
import time
from pathlib import Path

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from openhours.ingestion.csv.source import NOT_REGULAR
from openhours.ingestion.names import printable, storable
from openhours.ingestion.queries import find_newest_of_path
from openhours.ingestion.write import add_ingestion
from openhours.settings import Settings

log = logging.getLogger(__name__)

_ENDINGS = (".csv", ".csv.gz", ".zip", ".parquet")
_LOCK = 0x696E626F  # "inbo": workers that share a folder scan it one after the other
# A file changed so recently may still be being written: it waits for the next scan.
_STILL_WRITING_NS = 1_000_000_000


def csv_files(folder: Path) -> list[Path]:
    """Return what a folder holds under the names of files of rows, but for folders, sorted.

    None if there is no such folder.
    """
    if not folder.is_dir():
        return []
    return [
        path
        for path in sorted(folder.resolve().iterdir())
        if path.name.lower().endswith(_ENDINGS) and (path.is_symlink() or not path.is_dir())
    ]


async def scan(engine: AsyncEngine, settings: Settings) -> int:
    """Queue the files of the inbox that are new or have changed since they were read.

    Return how many. What is no regular file, or has a name that is not UTF-8, is refused.
    """
    queued = 0
    async with engine.begin() as connection:
        await connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK})
        for path in csv_files(settings.inbox):
            try:
                found = path.lstat()
            except FileNotFoundError:  # it was taken away just now
                continue
            if time.time_ns() - found.st_mtime_ns < _STILL_WRITING_NS:
                continue
            if await _is_known(connection, storable(path), found):
                continue
            refusal = _refusal(path, found)
            if refusal:
                log.warning("inbox: %s is refused: %s", printable(path.name), refusal)
            else:
                log.info("inbox: %s is new or has changed", printable(path.name))
            await add_ingestion(
                connection,
                settings,
                Path(storable(path)),
                name=printable(path.name),
                size=found.st_size,
                modified_ns=found.st_mtime_ns,
                refusal=refusal,
            )
            queued += refusal is None
    return queued


def _refusal(path: Path, found: os.stat_result) -> str | None:
    """Return why an entry of the inbox is not even opened, or None."""
    if not stat.S_ISREG(found.st_mode):
        return NOT_REGULAR
    return None if storable(path.name) == path.name else "the file's name is not UTF-8: rename it"


async def _is_known(connection: AsyncConnection, path: str, found: os.stat_result) -> bool:
    """Return whether the newest ingestion of this path waits, or read the file as it is now."""
    newest = await find_newest_of_path(connection, path)
    if newest is None:
        return False
    if newest.state == "queued":
        return True
    return bool(newest.size == found.st_size and newest.modified_ns == found.st_mtime_ns)
