"""`/pcs`: the plain history of heartbeats, and above it when a PC was on."""

from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response
from sqlalchemy import func, select, tuple_
from sqlalchemy.ext.asyncio import AsyncConnection

from openhours.agent.names import PREFIX
from openhours.api.http import Engine, ServerSettings
from openhours.heartbeats.tables import Heartbeat
from openhours.reports.timeline_query import timeline_of
from openhours.stores.tables import BEATING, Store
from openhours.times import from_us, to_us
from openhours.uptime.axis import DAY
from openhours.web import charts, formatting
from openhours.web.local_time import QueryZone, instant_of, named_zone, shown_again
from openhours.web.render import page

router = APIRouter(include_in_schema=False)

_PAGE = 100
_MOST_PCS = 500


@router.get("/pcs")
async def pcs(
    request: Request,
    engine: Engine,
    settings: ServerSettings,
    pc: Annotated[str, Query(max_length=64)] = "",
    since: Annotated[str, Query(alias="from", max_length=40)] = "",
    until: Annotated[str, Query(alias="to", max_length=40)] = "",
    named: QueryZone = "",
    cursor: Annotated[str, Query(pattern=r"^([0-9]{1,17}-[0-9]{1,18})?$")] = "",
) -> Response:
    """All heartbeats or one PC's, newest first."""
    zone = named_zone(request, named)
    query = (
        select(Heartbeat.id, Heartbeat.event_time, Store.store_id)
        .join(Store, Store.id == Heartbeat.store)
        .order_by(Heartbeat.event_time.desc(), Heartbeat.id.desc())
        .limit(_PAGE + 1)
    )
    begins, ends = instant_of("from", since, zone), instant_of("to", until, zone)
    if begins is not None:
        query = query.where(Heartbeat.event_time >= begins)
    if ends is not None:
        query = query.where(Heartbeat.event_time < ends)
    if cursor:
        at, number = map(int, cursor.split("-"))
        query = query.where(tuple_(Heartbeat.event_time, Heartbeat.id) < (from_us(at), number))
    async with engine.connect() as connection:
        names = await _pcs(connection)
        if pc:
            chosen = select(Store.id).where(Store.store_id == PREFIX + pc.replace("\0", "\n"))
            query = query.where(Heartbeat.store == chosen.scalar_subquery())
        rows = (await connection.execute(query)).all()
    drawn = pc if pc in names else _latest(rows, names)
    following = None
    if len(rows) > _PAGE:
        last = rows[_PAGE - 1]
        following = f"{to_us(last.event_time)}-{last.id}"
    values: dict[str, Any] = {"days": [], "line": None}
    if drawn is not None:
        answer = await timeline_of(engine, settings, PREFIX + drawn, None, None)
        line = answer.timeline
        values = {"days": charts.week_of(line, line.as_of - 7 * DAY, line.as_of), "line": line}
    return page(
        request,
        "pcs.html",
        names=names,
        pc=pc,
        base=str(request.base_url).rstrip("/"),
        drawn=drawn,
        since=shown_again(begins, formatting.zone_of(request)),
        until=shown_again(ends, formatting.zone_of(request)),
        beats=[(row.event_time, row.store_id.removeprefix(PREFIX)) for row in rows[:_PAGE]],
        following=following,
        **values,
    )


async def _pcs(connection: AsyncConnection) -> list[str]:
    query = select(Store.store_id).where(Store.feed == BEATING)
    query = query.order_by(func.lower(Store.store_id), Store.store_id).limit(_MOST_PCS)
    return [name.removeprefix(PREFIX) for name in await connection.scalars(query)]


def _latest(rows: Any, names: list[str]) -> str | None:
    """The PC that was last heard of."""
    if rows:
        return str(rows[0].store_id).removeprefix(PREFIX)
    return names[0] if names else None
