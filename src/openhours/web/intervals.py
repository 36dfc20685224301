"""The intervals of the figures on a store's page, and the verdicts on its target."""

from typing import Any

from sqlalchemy import Row, select
from sqlalchemy.ext.asyncio import AsyncConnection

from openhours.reports.queries import latest_report
from openhours.reports.tables import Report, ReportRow
from openhours.reports.timeline import Timeline
from openhours.times import to_us


async def find_intervals(
    connection: AsyncConnection, line: Timeline, report: Report | None
) -> Row[Any] | None:
    """Return a store's row in a report, None if there is none of the time line's figures.

    `report` None: in the latest report with intervals, if the time line is as of its T.
    """
    if report is None:
        report = await latest_report(connection, Report.intervals)
        as_of = None if report is None else report.as_of(line.feed)
        if report is None or as_of is None or line.as_of != to_us(as_of):
            return None
    query = select(*ReportRow.__table__.columns).where(
        ReportRow.report == report.id, ReportRow.store == line.store_pk
    )
    row = (await connection.execute(query)).one_or_none()
    if row is None or line.figures is None:
        return None
    figures = [line.figures.open[:, 0].tolist(), line.figures.up[:, 0].tolist()]
    return None if [row.open, row.up] != figures else row
