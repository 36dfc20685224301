"""`/activity`: events, filtered by user and time; counts per period; a form to record one."""

import json
from typing import Annotated, Any

from fastapi import APIRouter, Form, Query, Request, Response
from fastapi.responses import RedirectResponse
from pydantic import BeforeValidator

from openhours.activity import queries
from openhours.activity.recording import Recorder, record
from openhours.activity.schemas import MAX_METADATA_BYTES, NewEvent, UserId
from openhours.api.dependencies import Engine
from openhours.api.pagination import Cursor
from openhours.errors import invalid, located
from openhours.times import local_time, now
from openhours.web import formatting
from openhours.web.forms import validated
from openhours.web.local_time import (
    FormZone,
    QueryZone,
    from_input,
    named_zone,
    to_input,
    to_minute_input,
)
from openhours.web.render import page

router = APIRouter(include_in_schema=False)

_PAGE = 100
_MAX_PERIODS = 42

User = Annotated[UserId | None, BeforeValidator(lambda value: None if value == "" else value)]


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
    """Show events, last recorded first, and counts per period."""
    zone = formatting.zone_of(request)
    begins, ends = (
        from_input(field, text, named_zone(request, named))
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
        counts = await queries.latest_periods(connection, user_id, _MAX_PERIODS)
    return page(
        request,
        "activity.html",
        events=found.rows,
        following=found.next_cursor,
        columns=[_column(row, zone) for row in counts],
        user_id=user_id,
        since=to_minute_input(begins, zone),
        until=to_minute_input(ends, zone),
        present=to_input(now(), zone),
    )


def _column(row: Any, zone: str) -> tuple[str, int, int, str]:
    start, end = local_time(row.period_start, zone), local_time(row.period_end, zone)
    title = f"{start:%a %d %b %H:%M} to {end:%H:%M} {zone}: {row.events} events"
    return f"{start:%a %H:%M}", row.events, 0, title


@router.post("/activity")
async def record_event(
    request: Request,
    recorder: Recorder,
    user_id: Annotated[str, Form(max_length=40)],
    action: Annotated[str, Form(max_length=40)],
    happened: Annotated[str, Form(max_length=40)] = "",
    details: Annotated[str, Form(max_length=MAX_METADATA_BYTES)] = "",
    named: FormZone = "",
) -> Response:
    """Record an event, as `POST /api/event` does."""
    at = from_input("happened", happened, named_zone(request, named), "body") or now()
    event = validated(
        NewEvent,
        {
            "user_id": _whole_number(user_id),
            "event_action_timestamp": at,
            "action": action,
            "metadata": _metadata(details),
        },
        {"event_action_timestamp": "happened", "metadata": "details"},
    )
    with located("body"):
        await record(recorder, event)
    return RedirectResponse(f"/activity?user_id={event.user_id}", 303)


def _whole_number(text: str) -> int:
    try:
        return int(text)
    except ValueError:
        raise invalid("not a whole number", "body", "user_id") from None


def _metadata(text: str) -> Any:
    try:
        return json.loads(text) if text.strip() else {}
    except (ValueError, RecursionError):
        raise invalid('not JSON, such as {"document": 17}', "body", "details") from None
