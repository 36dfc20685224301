"""Activity over HTTP: record an event, list events, and list the counts of past periods."""

from datetime import datetime
from functools import partial
from json import dumps
from typing import Annotated

from fastapi import APIRouter, Depends, FastAPI, Query, Request, Response
from pydantic import BaseModel
from sqlalchemy.ext.asyncio import AsyncEngine

from openhours.activity import events, queries, write
from openhours.api.dependencies import Engine, Resource
from openhours.api.examples import NOW
from openhours.api.fields import INT8
from openhours.api.json_answers import json_answer
from openhours.api.json_body import json_body, read_json
from openhours.api.pagination import Cursor, link_header
from openhours.db.group_commit import GroupCommit
from openhours.errors import Conflict, invalid, located
from openhours.times import Instant, iso

router = APIRouter(tags=["activity"])

UserQuery = Annotated[events.UserId | None, Query(description="Only this user's.")]
Limit = Annotated[int, Query(ge=1, le=1000)]

ACTIVITY: Resource[GroupCommit[write.NewEvent, datetime | None]] = Resource("activity")
Activity = Annotated[GroupCommit[write.NewEvent, datetime | None], Depends(ACTIVITY)]

_EXAMPLE = {
    "user_id": 6,
    "event_action_timestamp": NOW,
    "action": "deleted",
    "metadata": {"document": 17},
}


class PeriodCount(BaseModel):
    """How many events of a user were recorded in [period_start, period_end)."""

    user_id: int
    period_start: Instant
    period_end: Instant
    event_count: int


def prepare(app: FastAPI, engine: AsyncEngine) -> None:
    """Make what the room keeps while the application runs."""
    ACTIVITY.set(app, GroupCommit(partial(write.write_events, engine)))


@router.post(
    "/api/event",
    status_code=201,
    response_model=events.StoredEvent,
    responses={409: {"description": "Another event has this `event_id`."}},
    openapi_extra=json_body(events.NewEvent.model_json_schema(), _EXAMPLE),
)
async def record_event(request: Request, activity: Activity) -> Response:
    """Record an event; it is stored durably before this answers.

    With an `event_id`, sending it again changes nothing and gets the same answer.
    """
    event = await read_json(request, events.NewEvent)
    with located("body"):
        metadata = events.metadata_json(event.metadata)
    recorded_at = await activity.add(
        write.NewEvent(
            event.user_id, event.event_action_timestamp, event.action, metadata, event.event_id
        )
    )
    if recorded_at is None:
        raise Conflict(f"there is another event with event_id {event.event_id!r}")
    shown = _shown(event.user_id, event.event_action_timestamp, event.action, metadata)
    stored = f'{shown[:-1]},"event_id":{dumps(event.event_id)},"recorded_at":"{iso(recorded_at)}"}}'
    return json_answer(stored.encode(), 201)


@router.get("/api/events", response_model=list[events.Event])
async def list_events(
    request: Request,
    engine: Engine,
    user_id: UserQuery = None,
    recorded_from: Annotated[Instant | None, Query(alias="from")] = None,
    recorded_to: Annotated[Instant | None, Query(alias="to")] = None,
    limit: Limit = 100,
    offset: Annotated[
        int | None,
        Query(ge=0, lt=INT8, description="Leave out so many; not together with `cursor`."),
    ] = None,
    cursor: Cursor = None,
) -> Response:
    """Events that were *recorded* in [from, to), oldest first; the next page is in `Link`.

    `Link` goes on by cursor, also from a page that was found by `offset`: the cost of a cursor does
    not grow with what comes before it.

    Events appear in the order in which they were recorded and none is ever added between two of
    them: whoever follows the pages misses nothing and gets nothing twice.
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
    shown = (_shown(row.user_id, row.happened_at, row.action, row.metadata) for row in page.rows)
    return json_answer(f"[{','.join(shown)}]".encode(), headers=link_header(request, page))


@router.get("/api/events/counts")
async def list_counts(
    request: Request,
    response: Response,
    engine: Engine,
    user_id: UserQuery = None,
    period_from: Annotated[Instant | None, Query(alias="from")] = None,
    period_to: Annotated[Instant | None, Query(alias="to")] = None,
    limit: Limit = 100,
    cursor: Cursor = None,
) -> list[PeriodCount]:
    """Each user's event count of the periods that begin in [from, to), oldest first.

    A period is counted once it has ended, and no event is ever recorded in it afterwards. A user
    without events in a period has no count there.
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
    response.headers.update(link_header(request, page))
    return [PeriodCount.model_validate(row, from_attributes=True) for row in page.rows]


def _shown(user_id: int, happened_at: datetime, action: str, metadata: str) -> str:
    """The four fields as JSON; `metadata` is JSON already, and action a plain word."""
    return (
        f'{{"user_id":{user_id},"event_action_timestamp":"{iso(happened_at)}",'
        f'"action":"{action}","metadata":{metadata}}}'
    )
