"""`/timer`: start, switch, stop, add, edit, delete; and the time worked by period and name."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from types import MappingProxyType
from typing import Annotated, Any, NamedTuple

from fastapi import APIRouter, Depends, Form, Request, Response
from fastapi.responses import RedirectResponse
from pydantic import BaseModel, TypeAdapter, ValidationError
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncEngine

from openhours.accounts.access_control import CurrentUser
from openhours.accounts.tokens import UserName
from openhours.accounts.users import Timezone, change_timezone, find_timezone
from openhours.api.dependencies import Engine, ServerSettings
from openhours.api.error_responses import refusal_response
from openhours.api.off_loop import off_loop
from openhours.api.pagination import Page
from openhours.errors import Conflict, Invalid, OpenhoursError, invalid
from openhours.settings import Settings
from openhours.times import local_time
from openhours.web import timesheet
from openhours.web.forms import validated, wrong_fields
from openhours.web.local_time import to_minute_input
from openhours.web.render import page
from openhours.web.session_form import SessionForm
from openhours.web.timesheet import View
from openhours.work_sessions import sessions
from openhours.work_sessions.overview import build_overview, first_weekday
from openhours.work_sessions.periods import By, first_day
from openhours.work_sessions.schemas import NewSession, Overview, SessionId
from openhours.work_sessions.sessions import SessionRow, changing, ended_at

router = APIRouter(prefix="/timer", include_in_schema=False)

_PAGE = 50
_MAX_DELETED = 5
_MAX_NAMES = 20
_timezone: TypeAdapter[str] = TypeAdapter(Timezone)

Written = Annotated[str, Form(max_length=1000)]


class _Sessions(NamedTuple):
    zone: str
    present: datetime  # by the clock that ends the overviews
    running: SessionRow | None
    deleted: Sequence[SessionRow]
    listed: Page[SessionRow]


@dataclass(frozen=True)
class Timer:
    """The page of a user, in the view that its address or a form's address names."""

    request: Request
    engine: AsyncEngine
    settings: Settings
    user: UserName
    view: View

    def back(self) -> Response:
        """Redirect to the page."""
        return RedirectResponse(f"/timer{self.view.query()}", 303)

    async def show(
        self,
        refusal: OpenhoursError | None = None,
        prefix: str = "",
        sent: Mapping[str, str] = MappingProxyType({}),
        edit: int | None = None,
    ) -> Response:
        """Return the page; after a refusal with what is wrong and what was `sent`.

        The ids of the form's fields are `prefix` and their name.
        """
        view, wrong = self.view, wrong_fields(refusal, prefix)
        try:
            overview = await self._overview(view.by, *view.dates())
        except Invalid as error:
            refusal, wrong = error, wrong_fields(error)
            sent = {"from": view.since, "to": view.until}
            view = View(view.by)
            overview = await self._overview(view.by)
        own = await self._sessions(view, overview)
        weekday = first_weekday(self.settings)
        today = local_time(own.present, own.zone).date()
        week = await self._overview("day", first_day("week", weekday, today))

        def drawn() -> Response:
            return page(
                self.request,
                "timer.html",
                200 if refusal is None else refusal_response(refusal).status_code,
                zone=own.zone,
                user=self.user,
                view=view,
                wrong=wrong,
                sent=sent,
                edit=edit,
                running_session=own.running,
                deleted=[_described(row, own.zone) for row in own.deleted],
                sessions=[_described(row, own.zone) for row in own.listed.rows],
                following=own.listed.next_cursor,
                today_ms=week.periods[-1].time,
                week_ms=week.time,
                heading=timesheet.heading(overview, view),
                columns=timesheet.columns(overview),
                table=timesheet.table(overview),
                overlaps=timesheet.overlaps(overview),
                names=[one.name for one in overview.names[:_MAX_NAMES] if one.name],
                ranges=timesheet.usual_ranges(today, weekday),
                long_ms=self.settings.long_session_hours * 3_600_000,
                hour_ago=to_minute_input(own.present - timedelta(hours=1), own.zone),
                present=to_minute_input(own.present, own.zone),
            )

        return await off_loop(drawn)

    async def _overview(
        self, by: By, start: date | None = None, end: date | None = None
    ) -> Overview:
        return await build_overview(self.engine, self.settings, self.user, by, start, end)

    async def _sessions(self, view: View, overview: Overview) -> _Sessions:
        ranged = view.since or view.until
        async with self.engine.connect() as connection:
            return _Sessions(
                await find_timezone(connection, self.user),
                (await connection.execute(select(func.clock_timestamp()))).scalar_one(),
                await sessions.running(connection, self.user.id),
                await sessions.list_deleted(connection, self.user.id, limit=_MAX_DELETED),
                await sessions.list_newest_first(
                    connection,
                    self.user.id,
                    since=overview.from_ if ranged else None,
                    until=overview.to if ranged else None,
                    limit=_PAGE,
                    cursor=view.cursor,
                ),
            )


def _described(row: SessionRow, zone: str) -> dict[str, Any]:
    end = ended_at(row)
    return {
        "id": row.id,
        "name": timesheet.name_of(row.name),
        "own_name": row.name,
        "start": row.started_at,
        "end": None if row.running else end,
        "time_ms": row.time_ms,
        "running": row.running,
        "start_input": to_minute_input(row.started_at, zone),
        "end_input": to_minute_input(end, zone),
    }


def _timer(
    request: Request,
    engine: Engine,
    settings: ServerSettings,
    user: CurrentUser,
    view: Annotated[View, Depends(timesheet.view)],
) -> Timer:
    return Timer(request, engine, settings, user, view)


TimerPage = Annotated[Timer, Depends(_timer)]


@router.get("")
async def timer(timer: TimerPage, edit: int | None = None) -> Response:
    """Show the running session, the time worked, and the sessions."""
    return await timer.show(edit=edit)


@router.post("/start")
async def start(timer: TimerPage, name: Written = "") -> Response:
    """Start a session; if one is running, perhaps in another window, say so."""
    try:
        new = validated(NewSession, {"name": name.strip()})
        async with changing(timer.engine, timer.user.id) as connection:
            await sessions.start(connection, timer.user.id, new.name)
    except (Invalid, Conflict) as error:
        return await timer.show(error, sent={"name": name})
    return timer.back()


@router.post("/switch")
async def switch(timer: TimerPage, name: Written = "") -> Response:
    """Start a session, and stop the one that is running, if there is one."""
    try:
        new = validated(NewSession, {"name": name.strip()})
    except Invalid as error:
        return await timer.show(error, sent={"name": name})
    async with changing(timer.engine, timer.user.id) as connection:
        await sessions.switch(connection, timer.user.id, new.name)
    return timer.back()


@router.post("/stop")
async def stop(timer: TimerPage) -> Response:
    """Stop the running session; if none is running, say so."""
    try:
        async with changing(timer.engine, timer.user.id) as connection:
            await sessions.stop(connection, timer.user.id)
    except Conflict as error:
        return await timer.show(error)
    return timer.back()


@router.post("/add")
async def add(timer: TimerPage, form: Annotated[SessionForm, Form()]) -> Response:
    """Save a session that was forgotten; or say what is wrong, and keep what was written."""
    user = timer.user
    try:
        async with changing(timer.engine, user.id) as connection:
            new = form.finished(user, await find_timezone(connection, user))
            await sessions.save(connection, user.id, new.name, new.createdAt, new.time)
    except Invalid as error:
        return await timer.show(error, "add-", _by_id("add-", form))
    return timer.back()


@router.post("/zone")
async def change_zone(timer: TimerPage, zone: Written) -> Response:
    """Change where the user's days begin and end; or say that there is no such zone."""
    try:
        name = _timezone.validate_python(zone.strip())
    except ValidationError:
        error = invalid("not an IANA time zone, such as Europe/Berlin", "body", "zone")
        return await timer.show(error, sent={"zone": zone})
    await change_timezone(timer.engine, timer.user, name)
    return timer.back()


@router.post("/{session_id}")
async def change(
    timer: TimerPage, session_id: SessionId, form: Annotated[SessionForm, Form()]
) -> Response:
    """Change name, start and end; or say what is wrong, and keep what was written."""
    user = timer.user
    try:
        async with changing(timer.engine, user.id) as connection:
            before = await sessions.find(connection, user.id, session_id)
            changes = form.change(before, await find_timezone(connection, user))
            await sessions.change(connection, user.id, session_id, changes)
    except Invalid as error:
        return await timer.show(error, "edit-", _by_id("edit-", form), session_id)
    return timer.back()


def _by_id(prefix: str, form: BaseModel) -> dict[str, str]:
    return {f"{prefix}{name}": value for name, value in form.model_dump().items()}


@router.post("/{session_id}/delete")
async def delete(timer: TimerPage, session_id: SessionId) -> Response:
    """Delete a session; the page offers to undo it."""
    async with changing(timer.engine, timer.user.id) as connection:
        await sessions.remove(connection, timer.user.id, session_id)
    return timer.back()


@router.post("/{session_id}/restore")
async def restore(timer: TimerPage, session_id: SessionId) -> Response:
    """Undo a deletion; if another session runs where this one did, say so."""
    try:
        async with changing(timer.engine, timer.user.id) as connection:
            await sessions.restore(connection, timer.user.id, session_id)
    except Conflict as error:
        return await timer.show(error)
    return timer.back()
