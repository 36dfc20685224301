"""Reading deliveries, and what they tell of."""

from typing import Any

from sqlalchemy import Row, select
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from openhours.api.pagination import Page, fetch_page
from openhours.db.deliveries import Delivery
from openhours.ingestion.queries import find_ingestion
from openhours.ingestion.tables import Ingestion
from openhours.reports.queries import find_report
from openhours.reports.tables import Report


async def list_deliveries(
    connection: AsyncConnection, *, limit: int, cursor: str | None = None
) -> Page[Row[Any]]:
    """Return deliveries, newest first.

    The rows have the columns of `Delivery`, `report_id` or `ingestion_id`, and the file's `name`.
    """
    query = (
        select(
            *Delivery.__table__.columns,
            Report.report_id,
            Ingestion.ingestion_id,
            Ingestion.name,
        )
        .select_from(Delivery)
        .outerjoin(Report, Report.id == Delivery.report)
        .outerjoin(Ingestion, Ingestion.id == Delivery.ingestion)
    )
    keys = [Delivery.__table__.c.id]
    return await fetch_page(connection, query, keys, limit=limit, cursor=cursor, descending=True)


async def find_report_of(engine: AsyncEngine, delivery: Row[Any]) -> Report:
    """Return the report that a delivery tells of; raise NotFound if it was removed."""
    query = select(Report.report_id).where(Report.id == delivery.report)
    async with engine.connect() as connection:
        report_id = await connection.scalar(query)
    return await find_report(engine, report_id or "")


async def find_ingestion_of(engine: AsyncEngine, delivery: Row[Any]) -> Ingestion:
    """Return the ingestion that a delivery tells of; raise NotFound if it is gone."""
    query = select(Ingestion.ingestion_id).where(Ingestion.id == delivery.ingestion)
    async with engine.connect() as connection:
        ingestion_id = await connection.scalar(query)
    return await find_ingestion(engine, ingestion_id or "")
