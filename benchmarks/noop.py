"""The application with a twin of each writing route that validates the same body and does nothing,
and one that commits every request by itself."""

from fastapi import APIRouter, Request, Response

from openhours.access import TABLE
from openhours.accounts.access_control import ACCESS, AccessTable, Needs
from openhours.activity.schemas import NewEvent, metadata_json
from openhours.activity.write import EventRow, write_events
from openhours.api.dependencies import ENGINE
from openhours.api.json_body import parse_json, read_json
from openhours.app import create_app
from openhours.heartbeats.api import Track
from openhours.heartbeats.write import Beat, Writer
from openhours.times import now
from openhours.visits.api import VisitIn
from openhours.visits.write import NewVisit, write_visits

router = APIRouter()


def _answer(status: int = 200) -> Response:
    return Response('{"success":true}', status, media_type="application/json")


@router.post("/noop/visit")
async def noop_visit(request: Request) -> Response:
    await read_json(request, VisitIn)
    return _answer()


@router.post("/single/visit")
async def single_visit(request: Request) -> Response:
    body = await read_json(request, VisitIn)
    visit = NewVisit(body.user_id, body.page_url, body.user_agent, False, None, None)
    await write_visits(ENGINE.of(request.app), [visit])
    return _answer()


@router.post("/noop/track")
async def noop_track(request: Request) -> Response:
    parse_json(request, await request.body(), Track.model_validate_json)
    return _answer(201)


@router.post("/single/track")
async def single_track(request: Request) -> Response:
    sent = parse_json(request, await request.body(), Track.model_validate_json)
    writer = Writer(ENGINE.of(request.app))
    await writer.write([Beat(sent.pc or "", sent.event_time or now(), sent.beat_id)])
    return _answer(201)


@router.post("/noop/api/event")
async def noop_event(request: Request) -> Response:
    event = await read_json(request, NewEvent)
    metadata_json(event.metadata)
    return _answer(201)


@router.post("/single/api/event")
async def single_event(request: Request) -> Response:
    event = await read_json(request, NewEvent)
    metadata = metadata_json(event.metadata)
    new = EventRow(
        event.user_id, event.event_action_timestamp, event.action, metadata, event.event_id
    )
    await write_events(ENGINE.of(request.app), [new])
    return _answer(201)


app = create_app()
app.include_router(router)
twins = {f"POST {route.path}": Needs("track") for route in router.routes if hasattr(route, "path")}
ACCESS.set(app, AccessTable({**TABLE.routes, **twins}))
