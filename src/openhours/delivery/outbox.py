"""The outbox, a folder here or in an object store: each complete report, as CSV.

    .report-….csv.<random>.part  -- written, fsync, renamed -->  report-….csv

Who reads the folder sees whole files only, whenever a worker is killed.
"""

import os
import secrets
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from sqlalchemy import Row
from sqlalchemy.ext.asyncio import AsyncEngine

from openhours.api.off_loop import off_loop
from openhours.delivery.carriers import NotDelivered
from openhours.delivery.queries import find_report_of
from openhours.durable import names_to_disk
from openhours.objects import S3Folder, StoreFailed
from openhours.reports.downloads import file_name, report_table
from openhours.reports.formats import csv


class Outbox:
    """Writes reports into a folder."""

    def __init__(self, engine: AsyncEngine, folder: Path) -> None:
        self._engine = engine
        self._folder = folder.absolute()

    @property
    def place(self) -> str:
        """Return the folder's full path."""
        return str(self._folder)

    async def send(self, delivery: Row[Any]) -> str:
        """Write a report; return the file. Raise NotDelivered, NotFound if the report is gone."""
        name, chunks = await _file_of(self._engine, delivery)
        path = self._folder / name
        with _explained(path):
            file = await off_loop(_UnfinishedFile, path)
        try:
            async for chunk in chunks:
                with _explained(path):
                    await off_loop(file.write, chunk)
            with _explained(path):
                await off_loop(file.finish)
        finally:
            file.discard()
        return str(path)


class ObjectOutbox:
    """Writes reports into a folder of an object store, where an object is whole or not there."""

    def __init__(self, engine: AsyncEngine, folder: S3Folder) -> None:
        self._engine = engine
        self._folder = folder

    @property
    def place(self) -> str:
        """Return the folder's address."""
        return str(self._folder)

    async def send(self, delivery: Row[Any]) -> str:
        """Write a report; return its address. Raise NotDelivered, NotFound if it is gone."""
        name, chunks = await _file_of(self._engine, delivery)
        try:
            return await self._folder.write(name, chunks)
        except StoreFailed as error:
            raise NotDelivered(f"cannot write {name}: {error}") from error


async def _file_of(engine: AsyncEngine, delivery: Row[Any]) -> tuple[str, AsyncIterator[bytes]]:
    """Return the name of a report's file, and its bytes. Raise NotFound if the report is gone."""
    report = await find_report_of(engine, delivery)
    return f"{file_name(report)}.csv", csv(report_table(engine, report, "wide", full=False))


@contextmanager
def _explained(path: Path) -> Iterator[None]:
    """Raise NotDelivered where the file cannot be written."""
    try:
        yield
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise NotDelivered(f"cannot write {path.name}: {reason}") from error


class _UnfinishedFile:
    """A file that is being written, under another name."""

    def __init__(self, path: Path) -> None:
        self._path = path
        # A try before this one was that of a worker which was killed; or goes on, and will fail.
        for left in path.parent.glob(f".{path.name}.*.part"):
            left.unlink(missing_ok=True)
        self._unfinished = path.with_name(f".{path.name}.{secrets.token_hex(4)}.part")
        self._file = self._unfinished.open("xb")

    def write(self, chunk: bytes) -> None:
        self._file.write(chunk)

    def finish(self) -> None:
        self._file.flush()
        os.fsync(self._file.fileno())
        self._file.close()
        self._unfinished.replace(self._path)
        names_to_disk(self._path.parent)

    def discard(self) -> None:
        with suppress(OSError):  # what is not written yet does not fit either
            self._file.close()
        self._unfinished.unlink(missing_ok=True)
