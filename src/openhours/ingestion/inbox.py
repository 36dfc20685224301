"""Inbox: new and changed files of a folder are queued to be loaded, periodically."""

import logging
import stat
import time
from pathlib import Path
from typing import NamedTuple

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from openhours.ingestion.csv.source import NOT_REGULAR
from openhours.ingestion.names import printable, storable
from openhours.ingestion.queries import find_newest_of_path
from openhours.ingestion.write import add_ingestion
from openhours.objects import S3Folder, StoreFailed
from openhours.settings import Settings

log = logging.getLogger(__name__)

_ENDINGS = (".csv", ".csv.gz", ".zip", ".parquet")
_LOCK = 0x696E626F  # "inbo": workers that share a folder queue its files one after the other
# A file changed so recently may still be being written: it waits for the next scan.
_STILL_WRITING_NS = 1_000_000_000


class _File(NamedTuple):
    """File of the inbox; `refusal`: why it is not even opened."""

    path: str
    name: str
    size: int
    modified_ns: int
    refusal: str | None = None


def has_files(inbox: Path | S3Folder) -> bool:
    """Return whether there are files of rows; those of an object store are not looked for."""
    return isinstance(inbox, Path) and any(_paths(inbox))


async def scan(engine: AsyncEngine, settings: Settings) -> int:
    """Queue the files of the inbox that are new or have changed since they were read.

    Return how many. What is no regular file, or has a name that is not UTF-8, is refused.
    """
    queued = 0
    files = await _files(settings.inbox)  # not under the lock: a store may be slow
    async with engine.begin() as connection:
        await connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK})
        for file in files:
            if await _is_known(connection, file):
                continue
            if file.refusal:
                log.warning("inbox: %s is refused: %s", file.name, file.refusal)
            else:
                log.info("inbox: %s is new or has changed", file.name)
            await add_ingestion(
                connection,
                settings,
                file.path,
                name=file.name,
                size=file.size,
                modified_ns=file.modified_ns,
                refusal=file.refusal,
            )
            queued += file.refusal is None
    return queued


async def _files(inbox: Path | S3Folder) -> list[_File]:
    """Return the files of rows that are no longer written, sorted."""
    if isinstance(inbox, Path):
        return [file for path in _paths(inbox) if (file := _file(path)) is not None]
    try:
        return [
            _File(one.url, printable(one.name), one.size, one.modified_ns)
            for one in await inbox.objects()
            if one.name.lower().endswith(_ENDINGS)
        ]
    except StoreFailed as error:
        log.warning("inbox: %s: %s", inbox, error)
        return []


def _paths(folder: Path) -> list[Path]:
    if not folder.is_dir():
        return []
    return [
        path
        for path in sorted(folder.resolve().iterdir())
        if path.name.lower().endswith(_ENDINGS) and (path.is_symlink() or not path.is_dir())
    ]


def _file(path: Path) -> _File | None:
    try:
        found = path.lstat()
    except FileNotFoundError:  # it was taken away just now
        return None
    if time.time_ns() - found.st_mtime_ns < _STILL_WRITING_NS:
        return None
    refusal = None
    if not stat.S_ISREG(found.st_mode):
        refusal = NOT_REGULAR
    elif storable(path.name) != path.name:
        refusal = "the file's name is not UTF-8: rename it"
    name = printable(path.name)
    return _File(storable(path), name, found.st_size, found.st_mtime_ns, refusal)


async def _is_known(connection: AsyncConnection, file: _File) -> bool:
    """Return whether the newest ingestion of this path waits, or read the file as it is now."""
    newest = await find_newest_of_path(connection, file.path)
    if newest is None:
        return False
    if newest.state == "queued":
        return True
    return bool(newest.size == file.size and newest.modified_ns == file.modified_ns)
