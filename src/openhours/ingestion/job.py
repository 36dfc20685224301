"""Loading one file: all its good rows in one transaction, every bad row set aside."""

import hashlib
from pathlib import Path
from time import monotonic
from typing import Any

import asyncpg
from sqlalchemy import func, update
from sqlalchemy.ext.asyncio import AsyncEngine

from openhours.db import worker_connection
from openhours.ingestion.csv.reader import FileRefused, Reason, Source, kind_of, open_source
from openhours.ingestion.load_hours import load_hours, load_timezones
from openhours.ingestion.load_status import load_status
from openhours.ingestion.metrics import note_ingestion
from openhours.ingestion.rejects import Counts, Progress, RejectWriter
from openhours.ingestion.resume import Prefix, loaded_prefix
from openhours.settings import get_settings
from openhours.stores.tables import Ingestion

MOST_ATTEMPTS = 3
# An inbox file's kind is not known before its header is read; a prefix that was loaded as a status
# file's makes it one.
_MAY_GROW = (None, "status")
_TELL_SECONDS = 0.5
LOCK = 0x696E6765  # "inge": files are loaded one at a time, over all machines


def run_ingestion(number: int) -> None:
    """Load the file of an ingestion; to be called in a child process.

    A file that cannot be read is noted as failed. One that is no longer to be loaded is left alone.
    """
    worker_connection.run(None, lambda connection: _run(connection, number))


async def fail_ingestion(engine: AsyncEngine, number: int, reason: str) -> None:
    """End an ingestion that cannot be carried out, and remove what was uploaded for it."""
    async with engine.begin() as connection:
        failed = await connection.execute(
            update(Ingestion)
            .where(Ingestion.id == number, Ingestion.state.in_(("queued", "running")))
            .values(state="failed", error=reason, finished_at=func.clock_timestamp())
            .returning(Ingestion.path, Ingestion.uploaded)
        )
        row = failed.one_or_none()
    if row is not None and row.uploaded:
        Path(row.path).unlink(missing_ok=True)


async def _run(connection: "asyncpg.Connection[Any]", number: int) -> None:
    row = await connection.fetchrow(
        """
        UPDATE ingestions SET state = 'running', attempt = attempt + 1, progress = 0,
            started_at = coalesce(started_at, clock_timestamp())
        WHERE id = $1 AND state IN ('queued', 'running')
        RETURNING id, attempt, path, kind, uploaded
        """,
        number,
    )
    if row is not None:
        try:
            if row["attempt"] > MOST_ATTEMPTS:
                raise FileRefused(
                    f"the process loading it ended {MOST_ATTEMPTS} times unexpectedly"
                )
            await _load_file(connection, row, Path(row["path"]))
        except FileRefused as error:
            await _refuse(connection, number, str(error))
        except FileNotFoundError:
            await _refuse(connection, number, "the file is gone")
    await _remove_upload(connection, number)


async def _remove_upload(connection: "asyncpg.Connection[Any]", number: int) -> None:
    """Remove what was uploaded for an ingestion that has ended, if who ended it was killed, too."""
    path = await connection.fetchval(
        "SELECT path FROM ingestions"
        " WHERE id = $1 AND uploaded AND state IN ('complete', 'failed')",
        number,
    )
    if path is not None:
        Path(path).unlink(missing_ok=True)


async def _refuse(connection: "asyncpg.Connection[Any]", number: int, reason: str) -> None:
    await connection.execute(
        """
        UPDATE ingestions SET state = 'failed', error = $2, finished_at = clock_timestamp()
        WHERE id = $1 AND state = 'running'
        """,
        number,
        reason,
    )


async def _load_file(
    connection: "asyncpg.Connection[Any]", row: asyncpg.Record, path: Path
) -> None:
    teller = _Teller(row)
    try:
        async with connection.transaction():
            await connection.execute("SELECT pg_advisory_xact_lock($1)", LOCK)
            prefix = await loaded_prefix(connection, path) if row["kind"] in _MAY_GROW else None
            digest = hashlib.sha256() if prefix is None else prefix.digest
            resume = None if prefix is None else prefix.end
            with open_source(path, on_bytes=digest.update, resume=resume) as source:
                kind = row["kind"] or kind_of(source.header)
                rejects = RejectWriter(connection, row["id"])
                counts = await _load(connection, kind, source, rejects, prefix, teller.tell)
                next_line = _next_line(kind, source, rejects)
                sha256 = digest.hexdigest()
                await _complete(connection, row, kind, source, counts, sha256, next_line)
    finally:
        await teller.close()


class _Teller:
    """Tells the progress of an attempt, twice a second at most.

    It is seen while the transaction of the rows is still open: over another connection.
    """

    def __init__(self, row: asyncpg.Record) -> None:
        self._row = row
        self._connection: asyncpg.Connection[Any] | None = None
        self._told = monotonic()

    async def tell(self, progress: float) -> None:
        if monotonic() - self._told < _TELL_SECONDS:
            return
        if self._connection is None:
            self._connection = await worker_connection.connect(None)
        await self._connection.execute(
            "UPDATE ingestions SET progress = $2 WHERE id = $1 AND attempt = $3",
            self._row["id"],
            progress,
            self._row["attempt"],
        )
        self._told = monotonic()

    async def close(self) -> None:
        if self._connection is not None:
            await self._connection.close()


async def _load(
    connection: "asyncpg.Connection[Any]",
    kind: str,
    source: Source,
    rejects: RejectWriter,
    prefix: Prefix | None,
    tell: Progress,
) -> Counts:
    if kind != "status":
        load = load_hours if kind == "hours" else load_timezones
        return await load(connection, source, rejects, tell)
    if prefix is not None:
        await rejects.take_over(prefix.ingestion)
    counts = await load_status(connection, source, rejects, tell, get_settings().data_dir.resolve())
    counts.rows += 0 if prefix is None else prefix.rows
    return counts


def _next_line(kind: str, source: Source, rejects: RejectWriter) -> int | None:
    """Where a grown file may be continued: behind its last line, if that line is over.

    Not if a row was too far in the future: it may be good by then.
    """
    end = source.settled
    if kind != "status" or end is None or end.offset != source.size:
        return None
    return None if Reason.FUTURE_TIMESTAMP in rejects.reasons else end.line


async def _complete(
    connection: "asyncpg.Connection[Any]",
    row: asyncpg.Record,
    kind: str,
    source: Source,
    counts: Counts,
    sha256: str,
    next_line: int | None,
) -> None:
    done = await connection.execute(
        """
        UPDATE ingestions SET state = 'complete', progress = 1, kind = $3, size = $4,
            modified_ns = $5, sha256 = $6, rows = $7::int8, loaded = $8::int8,
            rejected = $9::int8,
            unchanged = $7::int8 - $8::int8 - $9::int8, next_line = $10,
            finished_at = clock_timestamp()
        WHERE id = $1 AND attempt = $2 AND state = 'running'
        """,
        row["id"],
        row["attempt"],
        kind,
        source.size,
        source.modified_ns,
        sha256,
        counts.rows,
        counts.loaded,
        counts.rejected,
        next_line,
    )
    if done != "UPDATE 1":
        raise RuntimeError("another attempt loads this file")
    await note_ingestion(connection, row["id"], kind, counts)
