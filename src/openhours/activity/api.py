"""Activity over HTTP: record an event, list events, list the counts of past periods."""

import json
from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response
from sqlalchemy import Row

from openhours.activity import queries
from openhours.activity.recording import Recorder, record
from openhours.activity.schemas import Event, NewEvent, PeriodCount, StoredEvent, UserId
from openhours.api.cursors import Cursor, link_header
from openhours.api.dependencies import Engine
from openhours.api.fields import INT8
from openhours.api.json_answers import json_answer, json_list_answer
from openhours.api.json_body import json_body, read_json
from openhours.api.openapi import NOW
from openhours.errors import invalid, located
from openhours.times import Instant, iso

router = APIRouter(tags=["activity"])

_User = Annotated[UserId | None, Query(description="Only this user's.")]
_Limit = Annotated[int, Query(ge=1, le=1000)]

_EXAMPLE = {
    "user_id": 6,
    "event_action_timestamp": NOW,
    "action": "deleted",
    "metadata": {"document": 17},
}


@router.post(
    "/api/event",
    status_code=201,
    response_model=StoredEvent,
    responses={409: {"description": "Another event has this `event_id`."}},
    openapi_extra=json_body(NewEvent.model_json_schema(), _EXAMPLE),
)
async def record_event(request: Request, recorder: Recorder) -> Response:
    """Record an event. It is stored durably before the answer is sent.

    Sent again with the same `event_id`, it changes nothing and gets the same answer.
    """
    event = await read_json(request, NewEvent)
    with located("body"):
        recorded_at = await record(recorder, event)
    stored = _event(event.user_id, event.event_action_timestamp, event.action, event.metadata)
    stored |= {"event_id": event.event_id, "recorded_at": iso(recorded_at)}
    return json_answer(stored, 201)


@router.get("/api/events", response_model=list[Event])
async def list_events(
    request: Request,
    engine: Engine,
    user_id: _User = None,
    recorded_from: Annotated[
        Instant | None, Query(alias="from", description="Recorded at this instant or later.")
    ] = None,
    recorded_to: Annotated[
        Instant | None, Query(alias="to", description="Recorded before this instant.")
    ] = None,
    limit: _Limit = 100,
    offset: Annotated[
        int | None,
        Query(ge=0, lt=INT8, description="Skip this many; not together with `cursor`."),
    ] = None,
    cursor: Cursor = None,
) -> Response:
    """Return events in the order in which they were recorded; the next page is in `Link`.

    `Link` goes on by cursor, also from a page that was found by `offset`: the cost of a cursor does
    not grow with what comes before it. No event is ever added before or between events that were
    listed: a client that follows the pages misses nothing and gets nothing twice.
    """
    if offset is not None and cursor is not None:
        raise invalid("give offset or cursor, not both", "query", "offset")
    async with engine.connect() as connection:
        page = await queries.list_events(
            connection,
            user_id=user_id,
            since=recorded_from,
            until=recorded_to,
            limit=limit,
            offset=offset,
            cursor=cursor,
        )
    return await json_list_answer(page.rows, _listed, link_header(request, page))


@router.get("/api/events/counts", response_model=list[PeriodCount])
async def list_counts(
    request: Request,
    engine: Engine,
    user_id: _User = None,
    period_from: Annotated[
        Instant | None, Query(alias="from", description="Periods that begin here or later.")
    ] = None,
    period_to: Annotated[
        Instant | None, Query(alias="to", description="Periods that begin before this instant.")
    ] = None,
    limit: _Limit = 100,
    cursor: Cursor = None,
) -> Response:
    """Return each user's number of events per period, oldest period first.

    A period is counted once it has ended, and its counts never change. A user without events in a
    period has no count there.
    """
    async with engine.connect() as connection:
        page = await queries.list_counts(
            connection,
            user_id=user_id,
            since=period_from,
            until=period_to,
            limit=limit,
            cursor=cursor,
        )
    return await json_list_answer(page.rows, _count, link_header(request, page))


def _count(row: Row[Any]) -> PeriodCount:
    return PeriodCount.model_validate(row, from_attributes=True)


def _listed(row: Row[int, datetime, datetime, str, str, int]) -> dict[str, Any]:
    return _event(row.user_id, row.happened_at, row.action, json.loads(row.metadata))


def _event(
    user_id: int, happened_at: datetime, action: str, metadata: dict[str, Any]
) -> dict[str, Any]:
    return {
        "user_id": user_id,
        "event_action_timestamp": iso(happened_at),
        "action": action,
        "metadata": metadata,
    }
