"""`/activity`: events, filtered by user and time; counts per period; a form to record one."""

import json
from datetime import datetime
from typing import Annotated, Any, NamedTuple, get_args

from fastapi import APIRouter, Depends, Form, Query, Request, Response
from fastapi.responses import RedirectResponse
from pydantic import BaseModel
from sqlalchemy.ext.asyncio import AsyncEngine

from openhours.activity import queries
from openhours.activity.recording import Recorder, record
from openhours.activity.schemas import Action, NewEvent, UserId
from openhours.api.cursors import Cursor
from openhours.api.dependencies import Engine
from openhours.errors import Invalid, invalid
from openhours.times import local_time, now
from openhours.web.formatting import short_date, zone_of
from openhours.web.forms import validated, wrong_fields
from openhours.web.local_time import QueryZone, from_input, named_zone, to_input, to_minute_input
from openhours.web.render import page

router = APIRouter(include_in_schema=False)

_PAGE = 100
_MAX_PERIODS = 42


class Chosen(NamedTuple):
    """Events to show: of this user, recorded in [since, until)."""

    user_id: int | None = None
    since: datetime | None = None
    until: datetime | None = None


class _User(BaseModel):
    user_id: UserId


class Filters(NamedTuple):
    """What the page was asked to show, as it was written in its form."""

    user_id: str = ""
    since: str = ""
    until: str = ""
    cursor: str | None = None

    def chosen(self, zone: str) -> Chosen:
        """Return what that means; local times are in the zone. Raise Invalid."""
        user = validated(_User, {"user_id": _whole_number(self.user_id)}) if self.user_id else None
        return Chosen(
            None if user is None else user.user_id,
            from_input("from", self.since, zone),
            from_input("to", self.until, zone),
        )


def _filters(
    user_id: Annotated[str, Query(max_length=40)] = "",
    since: Annotated[str, Query(alias="from", max_length=40)] = "",
    until: Annotated[str, Query(alias="to", max_length=40)] = "",
    cursor: Cursor = None,
) -> Filters:
    return Filters(user_id, since, until, cursor)


class EventForm(BaseModel):
    """The form's fields as they were sent; the model of an event checks them."""

    user_id: str = ""
    action: str = "created"
    happened: str = ""
    metadata: str = ""
    zone: str = ""

    def event(self) -> NewEvent:
        """Return what the form says, now if it names no time. Raise Invalid."""
        return validated(
            NewEvent,
            {
                "user_id": _whole_number(self.user_id),
                "event_action_timestamp": from_input("happened", self.happened, self.zone) or now(),
                "action": self.action,
                "metadata": _json(self.metadata),
            },
            {"event_action_timestamp": "happened"},
        )


@router.get("/activity")
async def activity(
    request: Request,
    engine: Engine,
    filters: Annotated[Filters, Depends(_filters)],
    named: QueryZone = "",
) -> Response:
    """Show events, last recorded first, and counts per period."""
    zone = zone_of(request)
    form = EventForm(user_id=filters.user_id, happened=to_input(now(), zone), zone=zone)
    try:
        chosen = filters.chosen(named_zone(request, named))
    except Invalid as error:
        return await _page(request, engine, filters, None, form, wrong_fields(error))
    return await _page(request, engine, filters, chosen, form, {})


async def _page(
    request: Request,
    engine: AsyncEngine,
    filters: Filters,
    chosen: Chosen | None,
    form: EventForm,
    wrong: dict[str, str],
) -> Response:
    zone = form.zone
    found, counts = None, []
    if chosen is not None:
        async with engine.connect() as connection:
            found = await queries.list_events(
                connection,
                **chosen._asdict(),
                limit=_PAGE,
                cursor=filters.cursor,
                newest_first=True,
            )
            counts = await queries.latest_periods(connection, chosen.user_id, _MAX_PERIODS)
            filters = filters._replace(
                since=to_minute_input(chosen.since, zone), until=to_minute_input(chosen.until, zone)
            )
    return page(
        request,
        "activity.html",
        422 if wrong else 200,
        searched=chosen is not None,
        events=found.rows if found else [],
        following=found.next_cursor if found else None,
        columns=[_column(row, zone) for row in counts],
        filters=filters,
        form=form,
        actions=get_args(Action),
        zone=zone,
        wrong=wrong,
    )


def _column(row: Any, zone: str) -> tuple[str, int, int, str]:
    start, end = local_time(row.period_start, zone), local_time(row.period_end, zone)
    title = f"{start:%a %d %b %H:%M} to {end:%H:%M} {zone}: {row.events} events"
    return f"{short_date(start)} {start:%H:%M}", row.events, 0, title


@router.post("/activity")
async def record_event(
    request: Request, engine: Engine, recorder: Recorder, form: Annotated[EventForm, Form()]
) -> Response:
    """Record an event, as `POST /api/event` does; or say what is wrong, and keep what was sent."""
    form.zone = named_zone(request, form.zone)
    try:
        event = form.event()
        await record(recorder, event)
    except Invalid as error:
        wrong = wrong_fields(error, "new-")
        return await _page(request, engine, Filters(), Chosen(), form, wrong)
    return RedirectResponse(f"/activity?user_id={event.user_id}", 303)


def _whole_number(text: str) -> int:
    try:
        return int(text)
    except ValueError:
        raise invalid("not a whole number", "user_id") from None


def _json(text: str) -> Any:
    try:
        return json.loads(text) if text.strip() else {}
    except (ValueError, RecursionError):
        raise invalid('not JSON, such as {"document": 17}', "metadata") from None
