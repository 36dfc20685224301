"""Pruning reports: all but the newest so many, and those that are too old."""

import logging

from sqlalchemy import ColumnElement, delete, func, or_, select
from sqlalchemy.ext.asyncio import AsyncEngine

from openhours.reports.tables import Report, ReportRow
from openhours.settings import Settings

log = logging.getLogger(__name__)


async def prune_reports(engine: AsyncEngine, settings: Settings) -> int:
    """Delete the reports beyond `keep_reports` and `keep_report_days`; return how many."""
    newest_first = (Report.created_at.desc(), Report.id.desc())
    ended = (
        select(
            Report.id,
            Report.created_at,
            func.row_number().over(order_by=newest_first).label("place"),
        )
        .where(Report.state.in_(("complete", "failed")))
        .subquery()
    )
    too_old: list[ColumnElement[bool]] = [ended.c.place > settings.keep_reports]
    if settings.keep_report_days is not None:
        oldest = func.now() - func.make_interval(0, 0, 0, settings.keep_report_days)
        too_old.append(ended.c.created_at < oldest)
    async with engine.connect() as connection:
        found = (await connection.scalars(select(ended.c.id).where(or_(*too_old)))).all()
    for report_pk in found:  # one transaction each: never one that is large
        async with engine.begin() as connection:
            await connection.execute(delete(ReportRow).where(ReportRow.report == report_pk))
            await connection.execute(delete(Report).where(Report.id == report_pk))
    if found:
        log.info("retention: deleted %d reports", len(found))
    return len(found)
