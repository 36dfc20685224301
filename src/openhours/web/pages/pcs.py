"""`/pcs`: when a PC was on, and the history of heartbeats."""

from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response

from openhours.agent.names import PREFIX
from openhours.api.dependencies import Engine, ServerSettings
from openhours.api.fields import Text
from openhours.api.off_loop import off_loop
from openhours.api.pagination import Cursor
from openhours.heartbeats.queries import list_heartbeats, list_pcs
from openhours.reports.timeline_query import timeline_of
from openhours.stores.labels import NAME
from openhours.times import DAY
from openhours.web import charts, formatting
from openhours.web.local_time import QueryZone, from_input, named_zone, to_minute_input
from openhours.web.render import page

router = APIRouter(include_in_schema=False)

_PAGE = 100
_MAX_PCS = 500


@router.get("/pcs")
async def pcs(
    request: Request,
    engine: Engine,
    settings: ServerSettings,
    pc: Annotated[Text, Query(max_length=64)] = "",
    since: Annotated[str, Query(alias="from", max_length=40)] = "",
    until: Annotated[str, Query(alias="to", max_length=40)] = "",
    named: QueryZone = "",
    cursor: Cursor = None,
) -> Response:
    """Show heartbeats of all PCs or of one, newest first."""
    zone = named_zone(request, named)
    begins, ends = from_input("from", since, zone), from_input("to", until, zone)
    async with engine.connect() as connection:
        names = await list_pcs(connection, _MAX_PCS)
        beats = await list_heartbeats(
            connection, pc=pc or None, since=begins, until=ends, limit=_PAGE, cursor=cursor
        )
    drawn = pc if pc in names else _latest(beats.rows, names)
    line, called = None, None
    if drawn is not None:
        answer = await timeline_of(engine, settings, PREFIX + drawn, None, None)
        line, called = answer.timeline, answer.labels.get(NAME)

    def shown() -> Response:
        return page(
            request,
            "pcs.html",
            names=names,
            pc=pc,
            base=settings.public_url or str(request.base_url).rstrip("/"),
            drawn=drawn,
            called=called,
            line=line,
            days=[] if line is None else charts.week_of(line, line.as_of - 7 * DAY, line.as_of),
            since=to_minute_input(begins, formatting.zone_of(request)),
            until=to_minute_input(ends, formatting.zone_of(request)),
            beats=[(row.event_time, row.store_id.removeprefix(PREFIX)) for row in beats.rows],
            following=beats.next_cursor,
        )

    return await off_loop(shown)


def _latest(rows: Any, names: list[str]) -> str | None:
    """Return the PC of the newest heartbeat."""
    if rows:
        return str(rows[0].store_id).removeprefix(PREFIX)
    return names[0] if names else None
