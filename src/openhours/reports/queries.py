"""Reading reports: the API, the commands and the pages ask the same way."""

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from openhours.api.pagination import Page, fetch_page
from openhours.errors import NotFound
from openhours.reports.tables import Report

_COLUMNS = tuple(Report.__table__.columns)


async def find_report(engine: AsyncEngine, report_id: str) -> Report:
    """Return the report; raise NotFound."""
    query = select(*_COLUMNS).where(Report.report_id == report_id)
    async with engine.connect() as connection:
        row = (await connection.execute(query)).one_or_none()
    if row is None:
        raise NotFound("no report has this id")
    return Report(**row._mapping)


async def list_reports(
    connection: AsyncConnection, *, limit: int, cursor: str | None = None
) -> Page[Report]:
    """Return reports, newest first."""
    columns = Report.__table__.c
    page = await fetch_page(
        connection,
        select(*_COLUMNS),
        [columns.created_at, columns.id],
        limit=limit,
        cursor=cursor,
        descending=True,
    )
    return Page([Report(**row._mapping) for row in page.rows], page.next_cursor)
