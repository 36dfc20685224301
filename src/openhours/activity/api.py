"""Activity over HTTP: record an event, list events, and list the counts of past periods."""

import re
from datetime import datetime
from functools import partial
from json import dumps
from typing import Annotated

from fastapi import APIRouter, HTTPException, Query, Request, Response
from pydantic import BaseModel
from sqlalchemy import Text, cast, select, tuple_
from sqlalchemy.ext.asyncio import AsyncEngine
from starlette.datastructures import State

from openhours.activity import events, tables, write
from openhours.api.examples import NOW
from openhours.api.http import Engine, invalid, next_page
from openhours.api.json_body import INT8, json_body, read_json
from openhours.db.group_commit import GroupCommit
from openhours.times import EARLIEST, Instant, from_us, iso, to_us

router = APIRouter(tags=["activity"])

UserQuery = Annotated[events.UserId | None, Query(description="Only this user's.")]
Limit = Annotated[int, Query(ge=1, le=1000)]
CursorQuery = Annotated[str | None, Query(description="From the `Link` header of the page before.")]

_CURSOR = re.compile(r"(\d{1,18})\.(-?\d{1,19})", re.ASCII)
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


def prepare(state: State, engine: AsyncEngine) -> None:
    """Make what the room keeps while the application runs."""
    state.activity = GroupCommit(partial(write.write_events, engine))


@router.post(
    "/api/event",
    status_code=201,
    response_model=events.StoredEvent,
    responses={409: {"description": "Another event has this `event_id`."}},
    openapi_extra=json_body(events.NewEvent.model_json_schema(), _EXAMPLE),
)
async def record_event(request: Request) -> Response:
    """Record an event; it is stored durably before this answers.

    With an `event_id`, sending it again changes nothing and gets the same answer.
    """
    event = await read_json(request, events.NewEvent)
    metadata = events.metadata_json(event.metadata)
    activity: GroupCommit[write.NewEvent, datetime | None] = request.app.state.activity
    recorded_at = await activity.add(
        write.NewEvent(
            event.user_id, event.event_action_timestamp, event.action, metadata, event.event_id
        )
    )
    if recorded_at is None:
        raise HTTPException(409, f"there is another event with event_id {event.event_id!r}")
    shown = _shown(event.user_id, event.event_action_timestamp, event.action, metadata)
    return Response(
        f'{shown[:-1]},"event_id":{dumps(event.event_id)},"recorded_at":"{iso(recorded_at)}"}}',
        201,
        media_type="application/json",
    )


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
    cursor: CursorQuery = None,
) -> Response:
    """Events that were *recorded* in [from, to), oldest first; the next page is in `Link`.

    `Link` goes on by cursor, also from a page that was found by `offset`: the cost of a cursor does
    not grow with what comes before it.

    Events appear in the order in which they were recorded and none is ever added between two of
    them: whoever follows the pages misses nothing and gets nothing twice.
    """
    if offset is not None and cursor is not None:
        raise invalid("query", "offset", message="give offset or cursor, not both")
    event = tables.Event
    query = select(
        event.user_id,
        event.happened_at,
        event.action,
        cast(event.details, Text).label("metadata"),
        event.recorded_at,
        event.id,
    ).order_by(event.recorded_at, event.id)
    if user_id is not None:
        query = query.where(event.user_id == user_id)
    if recorded_from is not None:
        query = query.where(event.recorded_at >= recorded_from)
    if recorded_to is not None:
        query = query.where(event.recorded_at < recorded_to)
    if cursor is not None:
        query = query.where(tuple_(event.recorded_at, event.id) > tuple_(*_read_cursor(cursor)))
    async with engine.connect() as connection:
        rows = (await connection.execute(query.limit(limit + 1).offset(offset))).all()
    headers = {}
    if len(rows) > limit:
        headers = next_page(request, _cursor(rows[limit - 1].recorded_at, rows[limit - 1].id))
    shown = (_shown(row.user_id, row.happened_at, row.action, row.metadata) for row in rows[:limit])
    return Response(f"[{','.join(shown)}]", headers=headers, media_type="application/json")


@router.get("/api/events/counts")
async def list_counts(
    request: Request,
    response: Response,
    engine: Engine,
    user_id: UserQuery = None,
    period_from: Annotated[Instant | None, Query(alias="from")] = None,
    period_to: Annotated[Instant | None, Query(alias="to")] = None,
    limit: Limit = 100,
    cursor: CursorQuery = None,
) -> list[PeriodCount]:
    """Each user's event count of the periods that begin in [from, to), oldest first.

    A period is counted once it has ended, and no event is ever recorded in it afterwards. A user
    without events in a period has no count there.
    """
    count = tables.ActivityCount
    query = select(*count.__table__.columns).order_by(count.period_start, count.user_id)
    if user_id is not None:
        query = query.where(count.user_id == user_id)
    if period_from is not None:
        query = query.where(count.period_start >= period_from)
    if period_to is not None:
        query = query.where(count.period_start < period_to)
    if cursor is not None:
        query = query.where(
            tuple_(count.period_start, count.user_id) > tuple_(*_read_cursor(cursor))
        )
    async with engine.connect() as connection:
        rows = (await connection.execute(query.limit(limit + 1))).all()
    if len(rows) > limit:
        last = rows[limit - 1]
        response.headers.update(next_page(request, _cursor(last.period_start, last.user_id)))
    return [PeriodCount.model_validate(row, from_attributes=True) for row in rows[:limit]]


def _shown(user_id: int, happened_at: datetime, action: str, metadata: str) -> str:
    """The four fields as JSON; `metadata` is JSON already, and action a plain word."""
    return (
        f'{{"user_id":{user_id},"event_action_timestamp":"{iso(happened_at)}",'
        f'"action":"{action}","metadata":{metadata}}}'
    )


def _cursor(instant: datetime, number: int) -> str:
    return f"{to_us(instant)}.{number}"


def _read_cursor(cursor: str) -> tuple[datetime, int]:
    found = _CURSOR.fullmatch(cursor)
    if found is not None:
        us, number = int(found[1]), int(found[2])
        if us >= to_us(EARLIEST) and us <= 253_000_000_000_000_000 and -INT8 <= number < INT8:
            return from_us(us), number
    raise invalid("query", "cursor", message="not a cursor of this list")
