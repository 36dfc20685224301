"""Retention of rejected rows."""

from sqlalchemy import delete, func, or_, select, text
from sqlalchemy.ext.asyncio import AsyncEngine
from sqlalchemy.orm import aliased

from openhours.ingestion.tables import Ingestion, RejectedRow

_KEPT_FOR = text("interval '30 days'")


async def prune_rejected_rows(engine: AsyncEngine) -> int:
    """Delete those of ingestions that ended 30 days ago; return how many.

    Those of the newest ingestion of each file of the inbox stay: it is still there.
    """
    newer = aliased(Ingestion)
    superseded = (
        select(newer.id).where(newer.path == Ingestion.path, newer.id > Ingestion.id).exists()
    )
    old = select(Ingestion.id).where(
        Ingestion.finished_at < func.now() - _KEPT_FOR, or_(Ingestion.uploaded, superseded)
    )
    async with engine.begin() as connection:
        deleted = await connection.execute(
            delete(RejectedRow).where(RejectedRow.ingestion.in_(old))
        )
    return deleted.rowcount
