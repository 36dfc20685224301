"""`/timer`: start, watch, stop, edit; and the time worked by day, week and month."""

import datetime as dt
from datetime import timedelta
from typing import Annotated, Any

from fastapi import APIRouter, Form, Request, Response
from fastapi.responses import RedirectResponse
from pydantic import TypeAdapter, ValidationError

from openhours.accounts.access_control import CurrentUser
from openhours.accounts.tokens import UserName
from openhours.accounts.users import Timezone, change_timezone, find_timezone
from openhours.api.dependencies import Engine, ServerSettings
from openhours.api.pagination import Cursor
from openhours.errors import Conflict, invalid
from openhours.settings import Settings
from openhours.web import formatting
from openhours.web.forms import validated
from openhours.web.local_time import from_input, to_input
from openhours.web.render import page
from openhours.work_sessions import sessions
from openhours.work_sessions.overview import build_overview
from openhours.work_sessions.periods import By
from openhours.work_sessions.schemas import (
    MAX_MS,
    Name,
    PeriodTotal,
    SessionChange,
    SessionId,
)
from openhours.work_sessions.sessions import SessionRow

router = APIRouter(prefix="/timer", include_in_schema=False)

_PAGE = 50
_timezone: TypeAdapter[str] = TypeAdapter(Timezone)

LocalTime = Annotated[str, Form(max_length=40)]


@router.get("")
async def timer(
    request: Request,
    engine: Engine,
    settings: ServerSettings,
    user: CurrentUser,
    by: By = "day",
    cursor: Cursor = None,
    edit: int | None = None,
) -> Response:
    """Show the running session, the overview, and all sessions."""
    return await _timer(request, engine, settings, user, by=by, cursor=cursor, edit=edit)


async def _timer(
    request: Request,
    engine: Engine,
    settings: Settings,
    user: UserName,
    *,
    by: By = "day",
    cursor: str | None = None,
    edit: int | None = None,
    refusal: Conflict | None = None,
) -> Response:
    async with engine.connect() as connection:
        zone = await find_timezone(connection, user)
        running = await sessions.running(connection, user.id)
        total = await sessions.count(connection, user.id)
        listed = await sessions.list_newest_first(connection, user.id, limit=_PAGE, cursor=cursor)
    overview = await build_overview(engine, settings, user, by)
    return page(
        request,
        "timer.html",
        200 if refusal is None else 409,
        zone=zone,
        user=user,
        refusal=refusal,
        running=running,
        sessions=[_session(row, zone, settings.long_session_hours) for row in listed.rows],
        total=total,
        cursor=cursor,
        following=listed.next_cursor,
        by=by,
        edit=edit,
        overview=overview,
        columns=[
            (_label(period.date, by), period.time, 0, _title(period, by))
            for period in overview.periods
        ],
    )


def _session(row: SessionRow, zone: str, long_hours: float) -> dict[str, Any]:
    end = _end(row)
    return {
        "id": row.id,
        "name": row.name,
        "start": row.started_at,
        "end": None if row.running else end,
        "seconds": row.time_ms / 1000,
        "running": row.running,
        "long": row.time_ms > long_hours * 3_600_000,
        "start_input": to_input(row.started_at, zone),
        "end_input": to_input(end, zone),
    }


def _end(row: SessionRow) -> dt.datetime:
    start: dt.datetime = row.started_at
    return start + timedelta(milliseconds=row.time_ms)


def _label(date: dt.date, by: By) -> str:
    return f"{date:%b %Y}" if by == "month" else f"{date:%a} {date.day} {date:%b}"


def _title(period: PeriodTotal, by: By) -> str:
    worked = [f"{one.name or 'no name'} {formatting.span(one.time / 1000)}" for one in period.names]
    names = f" ({', '.join(worked)})" if worked else ""
    return f"{_label(period.date, by)}: {formatting.span(period.time / 1000)}{names}"


@router.post("/start")
async def start(
    request: Request,
    engine: Engine,
    settings: ServerSettings,
    user: CurrentUser,
    name: Annotated[Name, Form()] = "",
) -> Response:
    """Start a session; if one is running, perhaps in another window, say so."""
    try:
        async with sessions.changing(engine, user.id) as connection:
            await sessions.start(connection, user.id, name.strip())
    except Conflict as error:
        return await _timer(request, engine, settings, user, refusal=error)
    return _back()


@router.post("/stop")
async def stop(
    request: Request, engine: Engine, settings: ServerSettings, user: CurrentUser
) -> Response:
    """Stop the running session; if none is running, say so."""
    try:
        async with sessions.changing(engine, user.id) as connection:
            await sessions.stop(connection, user.id)
    except Conflict as error:
        return await _timer(request, engine, settings, user, refusal=error)
    return _back()


def _back() -> Response:
    return RedirectResponse("/timer", 303)


@router.post("/zone")
async def change_zone(engine: Engine, user: CurrentUser, zone: Annotated[str, Form()]) -> Response:
    """Change where the user's days begin and end."""
    try:
        name = _timezone.validate_python(zone)
    except ValidationError:
        raise invalid("not an IANA time zone, such as Europe/Berlin", "body", "zone") from None
    await change_timezone(engine, user, name)
    return _back()


@router.post("/{session_id}")
async def change(
    engine: Engine,
    user: CurrentUser,
    session_id: SessionId,
    name: Annotated[Name, Form()] = "",
    start: LocalTime = "",
    end: LocalTime = "",
) -> Response:
    """Change name, start and end; a time that was left as it was keeps its milliseconds."""
    async with sessions.changing(engine, user.id) as connection:
        zone = await find_timezone(connection, user)
        before = await sessions.find(connection, user.id, session_id)
        begins, ends = before.started_at, _end(before)
        values: dict[str, Any] = {"name": name.strip()}
        if start and start != to_input(begins, zone):
            begins = values["createdAt"] = from_input("start", start, zone, "body") or begins
        if not before.running:
            if end and end != to_input(ends, zone):
                ends = from_input("end", end, zone, "body") or ends
            values["time"] = (ends - begins) // timedelta(milliseconds=1)
            if not 0 <= values["time"] <= MAX_MS:
                raise invalid("must be after the start, by 366 days at most", "body", "end")
        changes = validated(SessionChange, values, {"createdAt": "start"})
        await sessions.change(connection, user.id, session_id, changes)
    return _back()


@router.post("/{session_id}/delete")
async def delete(engine: Engine, user: CurrentUser, session_id: SessionId) -> Response:
    """Delete a session."""
    async with sessions.changing(engine, user.id) as connection:
        await sessions.remove(connection, user.id, session_id)
    return _back()
