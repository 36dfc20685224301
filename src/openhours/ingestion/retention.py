"""Retention of rejected rows and of the list of files, and of what a broken ingestion left."""

from datetime import timedelta

from sqlalchemy import ColumnElement, delete, func, or_, select, text
from sqlalchemy.ext.asyncio import AsyncEngine
from sqlalchemy.orm import aliased

from openhours.db.engine import raw_connection
from openhours.ingestion.ingest import LOCK
from openhours.ingestion.tables import Ingestion, RejectedRow
from openhours.settings import Settings
from openhours.stores.tables import OBSERVATIONS

_KEPT_FOR = text("interval '30 days'")


async def prune_rejected_rows(engine: AsyncEngine) -> int:
    """Delete those of ingestions that ended 30 days ago; return how many.

    Those of the newest ingestion of each file of the inbox stay: it is still there.
    """
    old = select(Ingestion.id).where(Ingestion.finished_at < func.now() - _KEPT_FOR, _is_over())
    async with engine.begin() as connection:
        deleted = await connection.execute(
            delete(RejectedRow).where(RejectedRow.ingestion.in_(old))
        )
    return deleted.rowcount


async def prune_ingestions(engine: AsyncEngine, settings: Settings) -> int:
    """Delete what ended over `keep_ingestion_days` ago, with its rejected rows; return how many.

    The newest of each file in the inbox stays: without it, the file would be loaded again. So does
    the newest of each kind: files that have grown are continued if none came after them.
    """
    limit = timedelta(days=settings.keep_ingestion_days)
    newest = select(func.max(Ingestion.id)).group_by(Ingestion.kind)
    old = (
        Ingestion.finished_at < func.now() - limit,
        _is_over(),
        Ingestion.id.not_in(newest),
    )
    async with engine.begin() as connection:
        deleted = await connection.execute(delete(Ingestion).where(*old))
    return deleted.rowcount


async def drop_new_weeks(engine: AsyncEngine) -> None:
    """Drop new weeks whose ingestion did not complete, unless a file is being loaded."""
    async with engine.begin() as connection:
        query = text("SELECT pg_try_advisory_xact_lock(:lock)")
        if await connection.scalar(query, {"lock": LOCK}):
            await OBSERVATIONS.drop_new(await raw_connection(connection))


def _is_over() -> ColumnElement[bool]:
    """Return the condition that no file lies in the inbox as this ingestion read it."""
    newer = aliased(Ingestion)
    superseded = select(newer.id).where(newer.path == Ingestion.path, newer.id > Ingestion.id)
    return or_(Ingestion.uploaded, superseded.exists())
