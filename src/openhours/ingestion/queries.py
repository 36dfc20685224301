"""Reading ingestions: the API, the commands and the pages ask the same way."""

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from openhours.api.pagination import Page, fetch_page
from openhours.errors import NotFound
from openhours.stores.tables import Ingestion

_COLUMNS = tuple(Ingestion.__table__.columns)


async def find_ingestion(engine: AsyncEngine, ingestion_id: str) -> Ingestion:
    """Return the ingestion; raise NotFound."""
    query = select(*_COLUMNS).where(Ingestion.ingestion_id == ingestion_id)
    async with engine.connect() as connection:
        row = (await connection.execute(query)).one_or_none()
    if row is None:
        raise NotFound("no ingestion has this id")
    return Ingestion(**row._mapping)


async def list_ingestions(
    connection: AsyncConnection, *, limit: int, cursor: str | None = None
) -> Page[Ingestion]:
    """Return ingestions, newest first."""
    page = await fetch_page(
        connection,
        select(*_COLUMNS),
        [Ingestion.__table__.c.id],
        limit=limit,
        cursor=cursor,
        descending=True,
    )
    return Page([Ingestion(**row._mapping) for row in page.rows], page.next_cursor)
