"""Queries of heartbeats and PCs, shared by the API and the pages."""

from datetime import datetime

from sqlalchemy import Row, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from openhours.agent.names import PREFIX
from openhours.api.pagination import Page, fetch_page
from openhours.heartbeats.tables import Heartbeat
from openhours.stores.tables import BEATING, Store


async def list_heartbeats(
    connection: AsyncConnection,
    *,
    pc: str | None = None,
    since: datetime | None = None,
    until: datetime | None = None,
    limit: int,
    cursor: str | None = None,
) -> Page[Row[int, datetime, str]]:
    """Return heartbeats in [since, until), newest first: `id`, `event_time` and `store_id`."""
    query = select(Heartbeat.id, Heartbeat.event_time, Store.store_id).join(
        Store, Store.id == Heartbeat.store
    )
    if pc is not None:
        chosen = select(Store.id).where(Store.store_id == PREFIX + pc).scalar_subquery()
        query = query.where(Heartbeat.store == chosen)
    if since is not None:
        query = query.where(Heartbeat.event_time >= since)
    if until is not None:
        query = query.where(Heartbeat.event_time < until)
    keys = (Heartbeat.event_time, Heartbeat.id)
    return await fetch_page(connection, query, keys, limit=limit, cursor=cursor, descending=True)


async def list_pcs(connection: AsyncConnection, limit: int) -> list[str]:
    """Return the names of PCs, in alphabetical order."""
    query = select(Store.store_id).where(Store.feed == BEATING)
    query = query.order_by(func.lower(Store.store_id), Store.store_id).limit(limit)
    return [name.removeprefix(PREFIX) for name in await connection.scalars(query)]
