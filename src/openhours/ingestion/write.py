"""Every transition of an ingestion: queued, running, complete or failed.

SQLAlchemy on the worker's and the server's engine; asyncpg where a child process writes over the
connection by which it copies the rows.
"""

import json
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import asyncpg
from sqlalchemy import ColumnElement, func, insert, update
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from openhours.db.deliveries import put
from openhours.db.engine import raw_connection
from openhours.db.queue import UNFINISHED, enqueue
from openhours.errors import Conflict
from openhours.ingestion.advice import Advice
from openhours.ingestion.csv.kinds import Kind
from openhours.ingestion.machine import ingest_job
from openhours.ingestion.notify import TELL_CHANGED
from openhours.ingestion.queries import find_ingestion
from openhours.ingestion.rejects import Counts
from openhours.ingestion.tables import Ingestion
from openhours.settings import Settings


class Added(NamedTuple):
    """One ingestion, by the database's id and by the one that clients use."""

    pk: int
    ingestion_id: str


class Attempt(NamedTuple):
    """One attempt to load a file; only the newest attempt of an ingestion may complete it."""

    ingestion_pk: int
    number: int
    path: str
    name: str
    kind: Kind | None
    uploaded: bool


@dataclass(frozen=True)
class Loaded:
    """File that was loaded: what was read of it, and what became of its rows."""

    kind: Kind
    size: int
    modified_ns: int
    sha256: str
    counts: Counts
    advice: Sequence[Advice]


async def add_ingestion(
    connection: AsyncConnection,
    settings: Settings,
    path: Path | str,
    *,
    name: str,
    kind: Kind | None = None,
    uploaded: bool = False,
    size: int | None = None,
    modified_ns: int | None = None,
    refusal: str | None = None,
) -> Added:
    """Insert an ingestion and its job, to be committed together by the caller.

    path: of a file of this machine, or an object's address
    refusal: why the file cannot be loaded; then the ingestion has failed already and has no job
    """
    ended = func.clock_timestamp() if refusal else None
    values = {
        "ingestion_id": secrets.token_hex(12),
        "kind": kind,
        "name": name,
        "path": str(path),
        "uploaded": uploaded,
        "size": size,
        "modified_ns": modified_ns,
        "state": "failed" if refusal else "queued",
        "error": refusal,
        "started_at": ended,
        "finished_at": ended,
    }
    query = insert(Ingestion).values(values).returning(Ingestion.id, Ingestion.ingestion_id)
    added = Added(*(await connection.execute(query)).one())
    if refusal:
        await put(await raw_connection(connection), "ingestion.failed", added.pk)
    else:
        await enqueue(connection, ingest_job(settings, str(path), uploaded=uploaded), str(added.pk))
    return added


async def begin_attempt(engine: AsyncEngine, ingestion_pk: int) -> Attempt | None:
    """Count and begin an attempt to load the file; None if the ingestion has ended."""
    query = (
        update(Ingestion)
        .where(Ingestion.id == ingestion_pk, Ingestion.state.in_(UNFINISHED))
        .values(
            state="running",
            attempt=Ingestion.attempt + 1,
            progress=0,
            started_at=func.clock_timestamp(),
        )
        .returning(
            Ingestion.id,
            Ingestion.attempt,
            Ingestion.path,
            Ingestion.name,
            Ingestion.kind,
            Ingestion.uploaded,
            TELL_CHANGED,
        )
    )
    async with engine.begin() as connection:
        row = (await connection.execute(query)).one_or_none()
    return None if row is None else Attempt(*row[:-1])


async def postpone(engine: AsyncEngine, attempt: Attempt) -> None:
    """Let an attempt that could not begin to load wait again, as if it had not been made."""
    query = (
        update(Ingestion)
        .where(
            Ingestion.id == attempt.ingestion_pk,
            Ingestion.attempt == attempt.number,
            Ingestion.state == "running",
        )
        .values(state="queued", attempt=attempt.number - 1, started_at=None)
        .returning(TELL_CHANGED)
    )
    async with engine.begin() as connection:
        await connection.execute(query)


async def fail(engine: AsyncEngine, ingestion_pk: int, reason: str) -> None:
    """End an ingestion that cannot be carried out, unless it has ended."""
    async with engine.begin() as connection:
        await _end(connection, Ingestion.id == ingestion_pk, reason)


async def cancel(engine: AsyncEngine, ingestion_id: str, by: str) -> None:
    """End an ingestion that is queued or running, so that no row of its file is loaded.

    One that has failed is left alone. Raise NotFound; Conflict if it is complete.
    """
    async with engine.begin() as connection:
        # If its rows are being committed just now, this waits, and finds that it is complete.
        this = Ingestion.ingestion_id == ingestion_id
        cancelled = await _end(connection, this, f"cancelled by {by}")
    if not cancelled and (await find_ingestion(engine, ingestion_id)).state == "complete":
        raise Conflict("the file is loaded already: it cannot be cancelled any more")


async def _end(connection: AsyncConnection, this: ColumnElement[bool], reason: str) -> bool:
    """Fail an ingestion inside the caller's transaction; False if it has ended already."""
    query = (
        update(Ingestion)
        .where(this, Ingestion.state.in_(UNFINISHED))
        .values(state="failed", error=reason, finished_at=func.clock_timestamp())
        .returning(Ingestion.id, TELL_CHANGED)
    )
    ended = await connection.scalar(query)
    if ended is None:
        return False
    await put(await raw_connection(connection), "ingestion.failed", ended)
    return True


async def note_waiting(
    connection: "asyncpg.Connection[Any]", attempt: Attempt, *, waiting: bool
) -> None:
    """Note that an attempt waits for files of other machines, or begins to load its own."""
    await connection.execute(
        "UPDATE ingestions SET started_at = CASE WHEN NOT $3 THEN clock_timestamp() END"
        " WHERE id = $1 AND attempt = $2 AND state = 'running'",
        attempt.ingestion_pk,
        attempt.number,
        waiting,
    )


async def note_progress(
    connection: "asyncpg.Connection[Any]", attempt: Attempt, progress: float
) -> None:
    """Note how much of the work is done, 0 to 1."""
    await connection.execute(
        "UPDATE ingestions SET progress = $3 WHERE id = $1 AND attempt = $2"
        " RETURNING pg_notify('ingestion_changed', ingestion_id)",
        attempt.ingestion_pk,
        attempt.number,
        progress,
    )


async def complete(connection: "asyncpg.Connection[Any]", attempt: Attempt, loaded: Loaded) -> None:
    """End an ingestion whose rows are written, in their transaction.

    Raise RuntimeError if this is not the newest attempt.
    """
    counts = loaded.counts
    done = await connection.execute(
        """
        UPDATE ingestions SET state = 'complete', progress = 1, kind = $3, size = $4,
            modified_ns = $5, sha256 = $6, rows = $7, loaded = $8, rejected = $9, unchanged = $10,
            next_line = $11, rejected_by_reason = $12, warning = $13, advice = $14,
            finished_at = clock_timestamp()
        WHERE id = $1 AND attempt = $2 AND state = 'running'
        RETURNING pg_notify('ingestion_changed', ingestion_id)
        """,
        attempt.ingestion_pk,
        attempt.number,
        loaded.kind,
        loaded.size,
        loaded.modified_ns,
        loaded.sha256,
        counts.rows,
        counts.loaded,
        counts.rejected,
        counts.unchanged,
        counts.next_line,
        json.dumps(counts.reasons),
        counts.warning,
        json.dumps([one.model_dump() for one in loaded.advice]),
    )
    if done != "UPDATE 1":
        raise RuntimeError("another attempt loads this file")
    await put(connection, "ingestion.complete", attempt.ingestion_pk)
