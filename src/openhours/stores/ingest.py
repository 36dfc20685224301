"""Loading one file: all its good rows in one transaction, every bad row set aside."""

import hashlib
import tempfile
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import asyncpg
from sqlalchemy import func, update
from sqlalchemy.ext.asyncio import AsyncEngine

from openhours.db import child
from openhours.settings import get_settings
from openhours.stores import load_hours, load_timezones
from openhours.stores.csv_files import (
    FileRefused,
    Reject,
    Source,
    kind_of,
    open_source,
    read_status,
)
from openhours.stores.load_status import StatusRows
from openhours.stores.tables import Ingestion
from openhours.times import now, to_us

MOST_ATTEMPTS = 3
_LOCK = 0x696E6765  # "inge": files are loaded one at a time, over all machines
# Reading a status file takes about half of the time, writing it the other half.
_READING = 0.5

Progress = Callable[[float], Awaitable[None]]


@dataclass
class Counts:
    """rows = loaded + unchanged + rejected."""

    rows: int = 0
    loaded: int = 0
    rejected: int = 0


def run_ingestion(number: int) -> None:
    """Load the file of an ingestion; to be called in a child process.

    A file that cannot be read is noted as failed. One that is no longer to be loaded is left alone.
    """
    child.run(lambda connection: _run(connection, number))


async def fail_ingestion(engine: AsyncEngine, number: int, reason: str) -> None:
    """End an ingestion that cannot be carried out."""
    async with engine.begin() as connection:
        await connection.execute(
            update(Ingestion)
            .where(Ingestion.id == number, Ingestion.state.in_(("queued", "running")))
            .values(state="failed", error=reason, finished_at=func.clock_timestamp())
        )


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
    if row is None:
        return
    path = Path(row["path"])
    try:
        if row["attempt"] > MOST_ATTEMPTS:
            raise FileRefused(f"the process loading it ended {MOST_ATTEMPTS} times unexpectedly")
        await _load_file(connection, row, path)
    except FileRefused as error:
        await _refuse(connection, number, str(error))
    except FileNotFoundError:
        await _refuse(connection, number, "the file is gone")
    if row["uploaded"]:
        path.unlink(missing_ok=True)


async def _refuse(connection: "asyncpg.Connection[Any]", number: int, reason: str) -> None:
    await connection.execute(
        """
        UPDATE ingestions SET state = 'failed', error = $2, finished_at = clock_timestamp()
        WHERE id = $1 AND state = 'running'
        """,
        number,
        reason,
    )


async def _load_file(connection: "asyncpg.Connection[Any]", row: asyncpg.Record, path: Path) -> None:
    digest = hashlib.sha256()
    teller = await child.connect()
    try:
        with open_source(path, on_bytes=digest.update) as source:

            async def tell(progress: float) -> None:
                await teller.execute(
                    "UPDATE ingestions SET progress = $2 WHERE id = $1 AND attempt = $3",
                    row["id"],
                    progress,
                    row["attempt"],
                )

            async with connection.transaction():
                await connection.execute("SELECT pg_advisory_xact_lock($1)", _LOCK)
                kind, counts = await _load(connection, row, source, tell)
                await _complete(connection, row, source, kind, counts, digest.hexdigest())
    finally:
        await teller.close()


async def _load(
    connection: "asyncpg.Connection[Any]", row: asyncpg.Record, source: Source, tell: Progress
) -> tuple[str, Counts]:
    kind = kind_of(source.header, row["kind"])
    writer = _Rejects(connection, row["id"])
    if kind == "status":
        return kind, await _load_status(connection, source, writer, tell)
    load = load_hours.load if kind == "hours" else load_timezones.load
    return kind, await load(connection, source, writer)
