"""`/timer`: start, watch, stop, edit; and how long was worked by day, week and month."""

from datetime import timedelta
from typing import Annotated, Any

from fastapi import APIRouter, Form, Query, Request, Response
from fastapi.responses import RedirectResponse
from pydantic import TypeAdapter, ValidationError
from sqlalchemy import func, select, update

from openhours.accounts.access_control import CurrentUser
from openhours.accounts.tables import User
from openhours.accounts.users import Timezone
from openhours.api.dependencies import Engine, ServerSettings
from openhours.errors import Unauthenticated, invalid
from openhours.web import formatting
from openhours.web.local_time import instant_of
from openhours.web.render import page
from openhours.work_sessions import sessions
from openhours.work_sessions.api import Name, SessionId
from openhours.work_sessions.overview import overview
from openhours.work_sessions.periods import By
from openhours.work_sessions.tables import WorkSession

router = APIRouter(prefix="/timer", include_in_schema=False)

_PAGE = 50
_timezone: TypeAdapter[str] = TypeAdapter(Timezone)

Typed = Annotated[str, Form(max_length=40)]


def _back() -> Response:
    return RedirectResponse("/timer", 303)


async def _zone(engine: Engine, user: CurrentUser) -> str:
    async with engine.connect() as connection:
        query = select(User.timezone).where(User.id == user.id)
        zone: str | None = await connection.scalar(query)
    if zone is None:
        raise Unauthenticated("this account no longer exists")
    return zone


@router.get("")
async def timer(
    request: Request,
    engine: Engine,
    settings: ServerSettings,
    user: CurrentUser,
    by: By = "day",
    number: Annotated[int, Query(alias="page", ge=1, le=1_000_000)] = 1,
    edit: int | None = None,
) -> Response:
    """The running session, the overview, and all sessions."""
    zone = await _zone(engine, user)
    mine = WorkSession.user_id == user.id
    listed = (
        select(*sessions.COLUMNS)
        .where(mine)
        .order_by(WorkSession.started_at.desc(), WorkSession.id.desc())
        .offset((number - 1) * _PAGE)
        .limit(_PAGE)
    )
    async with engine.connect() as connection:
        running = await sessions.running(connection, user.id)
        rows = (await connection.execute(listed)).all()
        total = await connection.scalar(select(func.count()).select_from(WorkSession).where(mine))
    found = await overview(engine, settings, user, by)
    return page(
        request,
        "timer.html",
        zone=zone,
        user=user,
        running=running,
        sessions=[_shown(row, zone, settings.long_session_hours) for row in rows],
        total=total or 0,
        current=number,
        last=max(1, -(-(total or 0) // _PAGE)),
        by=by,
        edit=edit,
        overview=found,
        columns=[
            (_label(period.date, by), period.time, 0, _period(period, by))
            for period in found.periods
        ],
    )


def _shown(row: Any, zone: str, long_hours: float) -> dict[str, Any]:
    end = row.started_at + timedelta(milliseconds=row.time_ms)
    return {
        "id": row.id,
        "name": row.name,
        "start": row.started_at,
        "end": None if row.running else end,
        "seconds": row.time_ms / 1000,
        "running": row.running,
        "long": row.time_ms > long_hours * 3_600_000,
        "start_on_wall": formatting.on_wall(row.started_at, zone),
        "end_on_wall": formatting.on_wall(end, zone),
    }


def _label(date: Any, by: By) -> str:
    return f"{date:%b %Y}" if by == "month" else f"{date:%a} {date.day} {date:%b}"


def _period(period: Any, by: By) -> str:
    worked = [f"{one.name or 'no name'} {formatting.span(one.time / 1000)}" for one in period.names]
    names = f" ({', '.join(worked)})" if worked else ""
    return f"{_label(period.date, by)}: {formatting.span(period.time / 1000)}{names}"


@router.post("/start")
async def start(engine: Engine, user: CurrentUser, name: Annotated[Name, Form()] = "") -> Response:
    """Start a session, unless one is running, perhaps in another window."""
    async with sessions.changing(engine, user.id) as connection:
        if await sessions.running(connection, user.id) is None:
            await sessions.start(connection, user.id, name.strip())
    return _back()


@router.post("/stop")
async def stop(engine: Engine, user: CurrentUser) -> Response:
    """Stop the running session."""
    async with sessions.changing(engine, user.id) as connection:
        if await sessions.running(connection, user.id) is not None:
            await sessions.stop(connection, user.id)
    return _back()


@router.post("/zone")
async def change_zone(engine: Engine, user: CurrentUser, zone: Annotated[str, Form()]) -> Response:
    """Change where the user's days begin and end."""
    try:
        name = _timezone.validate_python(zone)
    except ValidationError:
        raise invalid("not an IANA time zone, such as Europe/Berlin", "body", "zone") from None
    async with engine.begin() as connection:
        await connection.execute(update(User).where(User.id == user.id).values(timezone=name))
    return _back()


@router.post("/{session_id}")
async def change(
    engine: Engine,
    user: CurrentUser,
    session_id: SessionId,
    name: Annotated[Name, Form()] = "",
    start: Typed = "",
    end: Typed = "",
) -> Response:
    """Change name, start and end; a time that was left as it was keeps its milliseconds."""
    zone = await _zone(engine, user)
    async with sessions.changing(engine, user.id) as connection:
        before = _shown(await sessions.find(connection, user.id, session_id), zone, 0)
        values: dict[str, Any] = {"name": name.strip()}
        begins = before["start"]
        if start and start != before["start_on_wall"]:
            begins = values["started_at"] = instant_of("start", start, zone, "body")
        if not before["running"]:
            ends = before["end"]
            if end and end != before["end_on_wall"]:
                ends = instant_of("end", end, zone, "body")
            milliseconds = (ends - begins) // timedelta(milliseconds=1)
            if not 0 <= milliseconds <= sessions.LONGEST_MS:
                raise invalid("must be after the start, by 366 days at most", "body", "end")
            values["time_ms"] = milliseconds
        await sessions.change(connection, user.id, session_id, values)
    return _back()


@router.post("/{session_id}/delete")
async def delete(engine: Engine, user: CurrentUser, session_id: SessionId) -> Response:
    """Delete a session."""
    async with sessions.changing(engine, user.id) as connection:
        await sessions.remove(connection, user.id, session_id)
    return _back()
