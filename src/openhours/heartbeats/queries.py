"""Queries of heartbeats and PCs, shared by the API and the pages."""

from datetime import datetime, timedelta
from typing import NamedTuple

from sqlalchemy import Row, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from openhours.agent.names import PREFIX
from openhours.api.pagination import Page, fetch_page
from openhours.errors import NotFound
from openhours.heartbeats.tables import Heartbeat
from openhours.stores.search import STORE_NAME
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


class Pc(NamedTuple):
    """PC, what it is called, its newest heartbeat, and how long ago that was by our clock.

    The latter are None if retention has left no heartbeat.
    """

    name: str
    called: str | None
    heard_at: datetime | None
    silent_for: timedelta | None

    def is_on(self, expiry: timedelta) -> bool:
        """Return whether the newest heartbeat has not expired."""
        return self.silent_for is not None and self.silent_for < expiry


_HEARD_AT = (
    select(Heartbeat.event_time)
    .where(Heartbeat.store == Store.id)
    .order_by(Heartbeat.event_time.desc())
    .limit(1)
    .correlate(Store)
    .scalar_subquery()
    .label("heard_at")
)
_PCS = select(Store.store_id, STORE_NAME, _HEARD_AT, func.clock_timestamp()).where(
    Store.feed == BEATING
)


async def list_pcs(connection: AsyncConnection, limit: int) -> list[Pc]:
    """Return PCs by name, in alphabetical order."""
    query = _PCS.order_by(func.lower(Store.store_id), Store.store_id).limit(limit)
    return [_pc(*row) for row in await connection.execute(query)]


async def count_pcs(connection: AsyncConnection, expiry: timedelta) -> tuple[int, int]:
    """Return how many PCs are on, their newest heartbeats having not expired, and how many off."""
    heard_at = select(_HEARD_AT).where(Store.feed == BEATING).subquery()
    on = func.count().filter(heard_at.c.heard_at > func.clock_timestamp() - expiry)
    row = (await connection.execute(select(on, func.count()).select_from(heard_at))).one()
    return row[0], row[1] - row[0]


async def find_pc(connection: AsyncConnection, name: str) -> Pc:
    """Return the PC with this name; raise NotFound."""
    query = _PCS.where(Store.store_id == PREFIX + name)
    row = (await connection.execute(query)).one_or_none()
    if row is None:
        raise NotFound("no PC with this name has sent a heartbeat")
    return _pc(*row)


def _pc(store_id: str, called: str | None, heard_at: datetime | None, present: datetime) -> Pc:
    silent_for = None if heard_at is None else present - heard_at
    return Pc(store_id.removeprefix(PREFIX), called, heard_at, silent_for)
