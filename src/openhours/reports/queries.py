"""Finding a report by its id."""

from fastapi import HTTPException
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncEngine

from openhours.reports.tables import Report


async def find_report(engine: AsyncEngine, report_id: str) -> Report:
    """The report; HTTPException 404 when there is none."""
    row = None
    if "\0" not in report_id:
        async with engine.connect() as connection:
            query = select(*Report.__table__.columns).where(Report.report_id == report_id)
            row = (await connection.execute(query)).one_or_none()
    if row is None:
        raise HTTPException(404, "no such report")
    return Report(**row._mapping)
