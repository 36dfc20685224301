"""One file into the database, in a child process: all its good rows at once, or none."""

import hashlib
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from time import monotonic
from typing import Any, NamedTuple

import asyncpg

from openhours import objects
from openhours.db import worker_connection
from openhours.ingestion.advice import DefaultZone, find_advice
from openhours.ingestion.csv.kinds import kind_of
from openhours.ingestion.csv.reasons import FileRefused
from openhours.ingestion.csv.source import UnpackedLimit, open_source
from openhours.ingestion.load_hours import load_hours
from openhours.ingestion.load_labels import load_labels
from openhours.ingestion.load_special_hours import load_special_hours
from openhours.ingestion.load_status import load_status
from openhours.ingestion.load_timezones import load_timezones
from openhours.ingestion.machine import is_shared
from openhours.ingestion.metrics import note_ingestion
from openhours.ingestion.rejects import Progress, RejectWriter
from openhours.ingestion.resume import BeginsDifferently, GrownDigest, Prefix, find_prefix
from openhours.ingestion.write import Attempt, Loaded, complete, note_progress, note_waiting

# The kind of an inbox file is not known before its header is read; a prefix that was loaded as a
# status file's makes it one.
_MAY_GROW = (None, "status")
_LOADERS = {
    "hours": load_hours,
    "special_hours": load_special_hours,
    "timezones": load_timezones,
    "labels": load_labels,
}
_PROGRESS_INTERVAL = 0.5  # seconds
LOCK = 0x696E6765  # "inge": files are loaded one at a time, over all machines


def ingest_file(
    url: str, data_dir: Path, max_unpacked: int, zone: DefaultZone, attempt: Attempt
) -> None:
    """Load the file of an attempt and complete its ingestion; call it in a child process.

    max_unpacked: bytes that a packed file may hold
    zone: of stores without one, for advice

    Raise FileRefused for a file that cannot be loaded, StoreFailed for an object that cannot be
    had now; the database is as before then.
    """
    limit = UnpackedLimit(max_unpacked, attempt.name)
    with _local(attempt, data_dir) as path:
        worker_connection.run(
            url, lambda connection: _ingest(connection, url, path, data_dir, limit, zone, attempt)
        )


@contextmanager
def _local(attempt: Attempt, data_dir: Path) -> Iterator[Path]:
    """Yield where the file lies on this machine; that of an object store is copied for so long."""
    if not attempt.path.startswith(objects.SCHEME):
        yield Path(attempt.path)
        return
    # Each kind of job is done one at a time: what lies there was left by a process that was killed.
    prefix = "shared-" if is_shared(attempt.path, uploaded=attempt.uploaded) else "object-"
    for left in data_dir.glob(f"{prefix}*"):
        left.unlink()
    with tempfile.NamedTemporaryFile(dir=data_dir, prefix=prefix) as file:
        try:
            modified_ns = objects.fetch(attempt.path, file)
        except objects.ObjectGone as error:
            raise FileRefused(str(error)) from error
        os.utime(file.name, ns=(modified_ns, modified_ns))
        yield Path(file.name)


async def _ingest(
    connection: "asyncpg.Connection[Any]",
    url: str,
    path: Path,
    data_dir: Path,
    limit: UnpackedLimit,
    zone: DefaultZone,
    attempt: Attempt,
) -> None:
    if not path.exists():
        raise FileRefused("the file is gone")
    progress = _ProgressWriter(url, attempt)
    try:
        async with connection.transaction():
            await connection.execute(worker_connection.NOTICE_KILLED_CLIENT)
            await _take_turn(connection, progress)
            reading = _Reading(
                connection, url, path, data_dir, limit, zone, attempt, progress.write
            )
            loaded = None
            prefix = await find_prefix(connection, path) if attempt.kind in _MAY_GROW else None
            if prefix is not None:
                loaded = await _go_on(reading, prefix)
            if loaded is None:
                loaded = await _load(reading, None, hashlib.sha256())
            await complete(connection, attempt, loaded)
            await note_ingestion(connection, loaded.kind, loaded.counts)
    finally:
        await progress.close()


async def _take_turn(connection: "asyncpg.Connection[Any]", progress: "_ProgressWriter") -> None:
    if not await connection.fetchval("SELECT pg_try_advisory_xact_lock($1)", LOCK):
        await progress.note_waiting(True)
        await connection.execute("SELECT pg_advisory_xact_lock($1)", LOCK)
        await progress.note_waiting(False)


class _Reading(NamedTuple):
    """What loading a file needs."""

    connection: "asyncpg.Connection[Any]"
    url: str
    path: Path
    data_dir: Path
    limit: UnpackedLimit
    zone: DefaultZone
    attempt: Attempt
    progress: Progress


async def _go_on(reading: _Reading, prefix: Prefix) -> Loaded | None:
    """Load what follows the prefix; None, and nothing is loaded, if the file begins differently.

    Raise FileRefused.
    """
    digest = GrownDigest(reading.path, prefix)
    try:
        digest.check_if_known()
        async with reading.connection.transaction():
            try:
                return await _load(reading, prefix, digest)
            finally:
                # Also if what follows the prefix is refused: it may be the middle of another file.
                digest.check()
    except BeginsDifferently:
        return None
    finally:
        digest.close()


async def _load(
    reading: _Reading, prefix: Prefix | None, digest: "GrownDigest | hashlib._Hash"
) -> Loaded:
    connection, attempt = reading.connection, reading.attempt
    resume = None if prefix is None else prefix.end
    with open_source(
        reading.path, on_bytes=digest.update, resume=resume, limit=reading.limit
    ) as source:
        kind = attempt.kind or kind_of(source.header, attempt.name)
        rejects = RejectWriter(connection, attempt.ingestion_pk)
        if kind == "status":
            counts = await load_status(
                connection, source, rejects, reading.progress, reading.url, reading.data_dir, prefix
            )
        else:
            counts = await _LOADERS[kind](connection, source, rejects, reading.progress)
        if isinstance(digest, GrownDigest):
            # Advice takes longer than an hour's polls.
            digest.check_if_known()
        advice = await find_advice(
            connection,
            kind,
            reading.zone,
            attempt.ingestion_pk,
            # A grown file names stores in its old part, too.
            polled=counts.polled if prefix is None else None,
            goes_on=prefix is not None,
        )
        # Last: a grown file is still being hashed.
        sha256 = digest.hexdigest()
        return Loaded(kind, source.size, source.modified_ns, sha256, counts, advice)


class _ProgressWriter:
    """Write the progress of an attempt, twice a second at most.

    Others must see it while the transaction of the rows is still open: over another connection.
    """

    def __init__(self, url: str, attempt: Attempt) -> None:
        self._url = url
        self._attempt = attempt
        self._connection: asyncpg.Connection[Any] | None = None
        self._written = monotonic()

    async def write(self, progress: float) -> None:
        if monotonic() - self._written < _PROGRESS_INTERVAL:
            return
        await note_progress(await self._open(), self._attempt, progress)
        self._written = monotonic()

    async def note_waiting(self, waiting: bool) -> None:
        await note_waiting(await self._open(), self._attempt, waiting=waiting)

    async def _open(self) -> "asyncpg.Connection[Any]":
        if self._connection is None:
            self._connection = await worker_connection.connect(self._url)
            # Progress that is lost in a crash does not matter.
            await self._connection.execute("SET synchronous_commit = off")
        return self._connection

    async def close(self) -> None:
        if self._connection is not None:
            await self._connection.close()
