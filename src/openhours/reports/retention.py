"""Old reports go: all but the newest so many, and those that are too old."""

import logging

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from openhours.settings import Settings

log = logging.getLogger(__name__)

_TOO_OLD = text(
    """
    SELECT id FROM (
        SELECT id, created_at, row_number() OVER (ORDER BY created_at DESC, id DESC) AS place
        FROM reports WHERE state IN ('complete', 'failed')
    ) AS ended
    WHERE place > :count OR created_at < now() - make_interval(days => :days)
    """
)
_FOR_EVER = 1_000_000  # days


async def keep_reports(engine: AsyncEngine, settings: Settings) -> int:
    """Delete the reports beyond `keep_reports` and `keep_report_days`; how many."""
    limits = {
        "count": settings.keep_reports,
        "days": settings.keep_report_days or _FOR_EVER,
    }
    async with engine.connect() as connection:
        numbers = (await connection.scalars(_TOO_OLD, limits)).all()
    for number in numbers:  # one transaction each: never one that is large
        async with engine.begin() as connection:
            for table, column in (("report_rows", "report"), ("reports", "id")):
                statement = text(f"DELETE FROM {table} WHERE {column} = :number")  # noqa: S608
                await connection.execute(statement, {"number": number})
    if numbers:
        log.info("retention: %d reports are gone", len(numbers))
    return len(numbers)
