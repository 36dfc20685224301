"""`/deliveries`: what was sent of reports and files, and what waits; and sending it again."""

from fastapi import APIRouter, Request, Response
from fastapi.responses import RedirectResponse

from openhours.accounts.access_control import CurrentCaller
from openhours.api.cursors import Cursor
from openhours.api.dependencies import ClientAddress, Engine
from openhours.api.fields import Text
from openhours.delivery.queries import list_deliveries
from openhours.delivery.tries import send_again
from openhours.web.page_route import PageRoute
from openhours.web.render import page

# `GET /deliveries` is an endpoint, too.
list_router = APIRouter(include_in_schema=False, route_class=PageRoute)
router = APIRouter(include_in_schema=False)

_PAGE = 50
_EVENTS = {
    "report.complete": "Report complete",
    "report.failed": "Report failed",
    "ingestion.complete": "File loaded",
    "ingestion.failed": "File not loaded",
}


@list_router.get("/deliveries")
async def deliveries(request: Request, engine: Engine, cursor: Cursor = None) -> Response:
    """Show all deliveries, newest first."""
    async with engine.connect() as connection:
        found = await list_deliveries(connection, limit=_PAGE, cursor=cursor)
    return page(
        request,
        "deliveries.html",
        deliveries=found.rows,
        events=_EVENTS,
        following=found.next_cursor,
        cursor=cursor,
    )


@router.post("/deliveries/{delivery_id}/send_again")
async def send(
    engine: Engine, caller: CurrentCaller, address: ClientAddress, delivery_id: Text
) -> Response:
    """Send a delivery again, and go back to the list."""
    await send_again(engine, delivery_id, who=caller.name, where=address)
    return RedirectResponse("/deliveries", 303)
