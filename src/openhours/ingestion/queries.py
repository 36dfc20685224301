"""Reading ingestions and rejected rows: the API, the commands and the pages query the same way."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import asyncpg
from sqlalchemy import Row, func, select
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from openhours.api.pagination import Page, fetch_page
from openhours.errors import NotFound
from openhours.ingestion.tables import Ingestion, RejectedRow

_COLUMNS = tuple(Ingestion.__table__.columns)


async def find_ingestion(engine: AsyncEngine, ingestion_id: str) -> Ingestion:
    """Return the ingestion; raise NotFound."""
    query = select(*_COLUMNS).where(Ingestion.ingestion_id == ingestion_id)
    async with engine.connect() as connection:
        row = (await connection.execute(query)).one_or_none()
    if row is None:
        raise NotFound("no ingestion has this id")
    return Ingestion(**row._mapping)


async def list_ingestions(
    connection: AsyncConnection, *, limit: int, cursor: str | None = None
) -> Page[Row[Any]]:
    """Return ingestions, newest first; the rows have the columns of `Ingestion`."""
    return await fetch_page(
        connection,
        select(*_COLUMNS),
        [Ingestion.__table__.c.id],
        limit=limit,
        cursor=cursor,
        descending=True,
    )


async def count_files_since(connection: AsyncConnection, at: datetime) -> int:
    """Return how many files that changed anything were loaded after an instant."""
    query = select(func.count()).where(Ingestion.finished_at > at, Ingestion.loaded > 0)
    return (await connection.execute(query)).scalar_one()


async def list_rejected_rows(
    connection: AsyncConnection, ingestion_pk: int, *, after_line: int = 0, limit: int
) -> Sequence[Row[int, str, bytes]]:
    """Return `line, reason, raw` of an ingestion's rejected rows, by line."""
    query = (
        select(RejectedRow.line, RejectedRow.reason, RejectedRow.raw)
        .where(RejectedRow.ingestion == ingestion_pk, RejectedRow.line > after_line)
        .order_by(RejectedRow.line)
        .limit(limit)
    )
    return (await connection.execute(query)).all()


async def find_newest_of_path(
    connection: AsyncConnection, path: str
) -> Row[str, int | None, int | None] | None:
    """Return `state, size, modified_ns` of the newest ingestion of a file, or None."""
    query = (
        select(Ingestion.state, Ingestion.size, Ingestion.modified_ns)
        .where(Ingestion.path == path)
        .order_by(Ingestion.id.desc())
        .limit(1)
    )
    return (await connection.execute(query)).one_or_none()


async def list_awaited_uploads(connection: AsyncConnection) -> set[str]:
    """Return where the uploads lie that wait to be loaded, or are being loaded."""
    query = select(Ingestion.path).where(
        Ingestion.uploaded, Ingestion.state.in_(("queued", "running"))
    )
    return set(await connection.scalars(query))


async def loading_seconds(engine: AsyncEngine, ingestion_pk: int, attempt: int) -> float | None:
    """Return how long ago this attempt began to load its file; None if others have ended it.

    Waiting for the files of other machines does not count. A complete one has not been ended: its
    process has just committed, and is about to say so.
    """
    seconds = func.extract("epoch", func.clock_timestamp() - Ingestion.started_at)
    query = select(func.coalesce(seconds, 0)).where(
        Ingestion.id == ingestion_pk, Ingestion.attempt == attempt, Ingestion.state != "failed"
    )
    async with engine.connect() as connection:
        found = await connection.scalar(query)
    return None if found is None else float(found)


async def find_ended_upload(engine: AsyncEngine, ingestion_pk: int) -> str | None:
    """Return where the file lies of an ingestion that has ended, if it was an upload; else None."""
    query = select(Ingestion.path).where(
        Ingestion.id == ingestion_pk,
        Ingestion.uploaded,
        Ingestion.state.in_(("complete", "failed")),
    )
    async with engine.connect() as connection:
        return await connection.scalar(query)


async def find_newest_status(connection: "asyncpg.Connection[Any]") -> asyncpg.Record | None:
    """Return `id, size, sha256, rows, next_line` of the status ingestion completed last, or None.

    By asyncpg: within the transaction that copies rows.
    """
    return await connection.fetchrow(
        """
        SELECT id, size, sha256, rows, next_line FROM ingestions
        WHERE kind = 'status' AND state = 'complete' ORDER BY finished_at DESC, id DESC LIMIT 1
        """
    )
