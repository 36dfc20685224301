"""`/activity`: what users did, filtered by user and time; counts per period; a form to record."""

import json
from typing import Annotated, Any

from fastapi import APIRouter, Form, Query, Request, Response
from fastapi.responses import RedirectResponse
from pydantic import BeforeValidator, ValidationError

from openhours.activity import events, queries, write
from openhours.activity.api import Activity
from openhours.api.dependencies import Engine
from openhours.api.pagination import Cursor
from openhours.errors import invalid, located
from openhours.times import now
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
    cursor: Cursor = None,
) -> Response:
    """Events, the last recorded first, and counts per period."""
    zone = formatting.zone_of(request)
    begins, ends = (
        instant_of(field, text, named_zone(request, named))
        for field, text in (("from", since), ("to", until))
    )
    async with engine.connect() as connection:
        found = await queries.list_events(
            connection,
            user_id=user_id,
            since=begins,
            until=ends,
            limit=_PAGE,
            cursor=cursor,
            newest_first=True,
        )
        counts = await queries.latest_periods(connection, user_id, _PERIODS)
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
        events=found.rows,
        following=found.next_cursor,
        columns=columns,
        user_id=user_id,
        since=shown_again(begins, zone),
        until=shown_again(ends, zone),
        present=formatting.on_wall(now(), zone),
    )


@router.post("/activity")
async def record(
    request: Request,
    activity: Activity,
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
        raise invalid(problem["msg"], "body", str(problem["loc"][0])) from None
    with located("body"):
        metadata = events.metadata_json(event.metadata)
    await activity.add(
        write.NewEvent(event.user_id, event.event_action_timestamp, event.action, metadata, None)
    )
    return RedirectResponse(f"/activity?user_id={event.user_id}", 303)


def _number(text: str) -> int:
    try:
        return int(text)
    except ValueError:
        raise invalid("not a whole number", "body", "user_id") from None


def _metadata(text: str) -> Any:
    try:
        return json.loads(text) if text.strip() else {}
    except (ValueError, RecursionError):
        raise invalid('not JSON, such as {"document": 17}', "body", "details") from None
