"""Removing reports: one that somebody no longer wants, and those that are too old or too many."""

import logging

from sqlalchemy import ColumnElement, delete, func, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from openhours.accounts.audit import audit
from openhours.errors import NotFound
from openhours.reports.notify import TELL_ENDED
from openhours.reports.tables import Report, ReportGroups, ReportOutages, ReportRow
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
            await _delete(connection, report_pk)
    if found:
        log.info("retention: deleted %d reports", len(found))
    return len(found)


async def _delete(connection: AsyncConnection, report_pk: int) -> None:
    for parts in (ReportRow, ReportOutages, ReportGroups):
        await connection.execute(delete(parts).where(parts.report == report_pk))
    await connection.execute(delete(Report).where(Report.id == report_pk).returning(TELL_ENDED))


async def remove_report(engine: AsyncEngine, report_id: str, *, who: str, where: str) -> None:
    """Remove a report, and cancel one that is not complete. Raise NotFound."""
    async with engine.begin() as connection:
        query = select(Report.id).where(Report.report_id == report_id).with_for_update()
        report_pk = await connection.scalar(query)
        if report_pk is None:
            raise NotFound("no report has this id")
        await _delete(connection, report_pk)
    audit(f"remove report {report_id}", who=who, where=where, outcome="ok")
