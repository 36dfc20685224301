"""`/activity`: what users did, filtered by user and time; counts per period; a form to record."""

import json
from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Form, Query, Request, Response
from fastapi.responses import RedirectResponse
from pydantic import BeforeValidator, ValidationError
from sqlalchemy import Text, cast, func, select, tuple_
from sqlalchemy.ext.asyncio import AsyncConnection

from openhours.activity import events, write
from openhours.activity.tables import ActivityCount, Event
from openhours.api.http import Engine, invalid
from openhours.db.group_commit import GroupCommit
from openhours.times import from_us, now, to_us
from openhours.web import formatting
from openhours.web.local_time import FormZone, QueryZone, instant_of, named_zone, shown_again
from openhours.web.render import page

router = APIRouter(include_in_schema=False)

_PAGE = 100
_PERIODS = 42

User = Annotated[
    events.UserId | None, BeforeValidator(lambda value: None if value == "" else value)
]


@router.get("/activity")
async def activity(
    request: Request,
    engine: Engine,
    user_id: User = None,
    since: Annotated[str, Query(alias="from", max_length=40)] = "",
    until: Annotated[str, Query(alias="to", max_length=40)] = "",
    named: QueryZone = "",
    cursor: Annotated[str, Query(pattern=r"^([0-9]{1,17}-[0-9]{1,18})?$")] = "",
) -> Response:
    """Events, the last recorded first, and counts per period."""
    zone = formatting.zone_of(request)
    begins, ends = (
        instant_of(field, text, named_zone(request, named))
        for field, text in (("from", since), ("to", until))
    )
    async with engine.connect() as connection:
        found = await _events(connection, user_id, begins, ends, cursor)
        counts = await _counts(connection, user_id)
    following = None
    if len(found) > _PAGE:
        last = found[_PAGE - 1]
        following = f"{to_us(last.recorded_at)}-{last.id}"
    columns = [
        (
            f"{formatting.in_zone(row.period_start, zone):%a %H:%M}",
            row.events,
            0,
            f"{formatting.in_zone(row.period_start, zone):%a %d %b %H:%M} to "
            f"{formatting.in_zone(row.period_end, zone):%H:%M} {zone}: {row.events} events",
        )
        for row in counts
    ]
    return page(
        request,
        "activity.html",
        events=found[:_PAGE],
        following=following,
        columns=columns,
        user_id=user_id,
        since=shown_again(begins, zone),
        until=shown_again(ends, zone),
        present=formatting.on_wall(now(), zone),
    )


@router.post("/activity")
async def record(
    request: Request,
    user_id: Annotated[str, Form(max_length=40)],
    action: Annotated[str, Form(max_length=40)],
    happened: Annotated[str, Form(max_length=40)] = "",
    details: Annotated[str, Form(max_length=events.MOST_METADATA)] = "",
    named: FormZone = "",
) -> Response:
    """Record an event, as `POST /api/event` does."""
    at = instant_of("happened", happened, named_zone(request, named), "body") or now()
    given = {
        "user_id": _number(user_id),
        "event_action_timestamp": at,
        "action": action,
        "metadata": _metadata(details),
    }
    try:
        event = events.NewEvent.model_validate(given)
    except ValidationError as error:
        problem = error.errors()[0]
        raise invalid("body", str(problem["loc"][0]), message=problem["msg"]) from None
    activity: GroupCommit[write.NewEvent, datetime | None] = request.app.state.activity
    metadata = events.metadata_json(event.metadata)
    await activity.add(
        write.NewEvent(event.user_id, event.event_action_timestamp, event.action, metadata, None)
    )
    return RedirectResponse(f"/activity?user_id={event.user_id}", 303)


def _number(text: str) -> int:
    try:
        return int(text)
    except ValueError:
        raise invalid("body", "user_id", message="not a whole number") from None


def _metadata(text: str) -> Any:
    try:
        return json.loads(text) if text.strip() else {}
    except (ValueError, RecursionError):
        raise invalid("body", "details", message='not JSON, such as {"document": 17}') from None


async def _events(
    connection: AsyncConnection,
    user_id: int | None,
    begins: datetime | None,
    ends: datetime | None,
    cursor: str,
) -> list[Any]:
    query = (
        select(
            Event.id,
            Event.user_id,
            Event.happened_at,
            Event.recorded_at,
            Event.action,
            cast(Event.details, Text).label("details"),
        )
        .order_by(Event.recorded_at.desc(), Event.id.desc())
        .limit(_PAGE + 1)
    )
    if user_id is not None:
        query = query.where(Event.user_id == user_id)
    if begins is not None:
        query = query.where(Event.recorded_at >= begins)
    if ends is not None:
        query = query.where(Event.recorded_at < ends)
    if cursor:
        at, number = map(int, cursor.split("-"))
        query = query.where(tuple_(Event.recorded_at, Event.id) < (from_us(at), number))
    return list((await connection.execute(query)).all())


async def _counts(connection: AsyncConnection, user_id: int | None) -> list[Any]:
    """The last periods that were counted, oldest first."""
    query = (
        select(
            ActivityCount.period_start,
            ActivityCount.period_end,
            func.sum(ActivityCount.event_count).label("events"),
        )
        .group_by(ActivityCount.period_start, ActivityCount.period_end)
        .order_by(ActivityCount.period_start.desc())
        .limit(_PERIODS)
    )
    if user_id is not None:
        query = query.where(ActivityCount.user_id == user_id)
    return list((await connection.execute(query)).all())[::-1]
