"""Whether a store met its target, for its page."""

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from openhours.reports.tables import Report, ReportRow
from openhours.reports.timeline import Timeline
from openhours.stores.tables import POLLED
from openhours.times import to_us
from openhours.web.queries import latest_report


async def find_verdicts(
    connection: AsyncConnection, line: Timeline, report: Report | None
) -> tuple[int | None, list[int] | None]:
    """Return a store's target and the verdict of each window in a report; None without verdicts.

    `report` None: in the latest report that has verdicts, if the time line is as of its T.
    """
    if report is None:
        report = await latest_report(connection, verdicts=True)
        if report is None or line.as_of != _as_of(report, line.feed):
            return None, None
    query = select(ReportRow.target, ReportRow.verdict).where(
        ReportRow.report == report.id, ReportRow.store == line.store_pk
    )
    row = (await connection.execute(query)).one_or_none()
    return (None, None) if row is None else (row.target, row.verdict)


def _as_of(report: Report, feed: str | None) -> int | None:
    """Return T of a feed, µs UTC."""
    as_of = report.as_of_polled if feed == POLLED else report.as_of_beating
    return None if as_of is None else to_us(as_of)
