"""Work sessions over HTTP: a user sees and changes only their own."""

import csv
import io
from collections.abc import AsyncIterator, Iterable, Sequence
from datetime import timedelta
from typing import Annotated, Any

from fastapi import APIRouter, Body, Depends, Query, Request, Response
from fastapi.responses import StreamingResponse

from openhours.accounts.access_control import CurrentUser
from openhours.accounts.tokens import UserName
from openhours.accounts.users import username_key
from openhours.api.csv_cells import inert_cell
from openhours.api.cursors import Cursor, link_header
from openhours.api.dependencies import Engine, ServerSettings
from openhours.api.idempotency_key import Key
from openhours.api.json_answers import json_items
from openhours.api.json_body import json_example
from openhours.api.off_loop import off_loop
from openhours.api.openapi import HOUR_AGO
from openhours.errors import Conflict, Refused
from openhours.settings import Settings
from openhours.times import iso
from openhours.work_sessions import sessions
from openhours.work_sessions.dates import Moment
from openhours.work_sessions.idempotency import once
from openhours.work_sessions.overview import build_overview
from openhours.work_sessions.periods import By
from openhours.work_sessions.schemas import (
    FinishedSession,
    NewSession,
    Overview,
    Session,
    SessionChange,
    SessionId,
    SessionList,
)
from openhours.work_sessions.sessions import SessionRow, changing

router = APIRouter(prefix="/api/v1/sessions", tags=["work sessions"])

# Of the CSV, how many are read and written at a time.
_PAGE = 1_000
_NAME_EXAMPLE = {"name": "Invoices"}
_EXAMPLE = _NAME_EXAMPLE | {"username": "zoe", "time": 3_600_000, "createdAt": HOUR_AGO}


async def _own(username: str, user: CurrentUser) -> UserName:
    """Return the user if the path names them; raise Refused, whether or not others exist."""
    if username_key(username) != username_key(user.username):
        raise Refused("these are not your sessions")
    return user


# The caller, who is the user named in the path.
Owner = Annotated[UserName, Depends(_own)]


def _session(row: SessionRow, user: UserName, settings: Settings) -> Session:
    return Session(
        id=row.id,
        username=user.username,
        name=row.name,
        time=row.time_ms,
        createdAt=row.started_at,
        running=row.running,
        long=row.time_ms > settings.long_session_hours * 3_600_000,
    )


def _json(row: SessionRow, user: UserName, settings: Settings) -> dict[str, Any]:
    return _session(row, user, settings).model_dump(mode="json")


@router.post("/new", response_model=Session, openapi_extra=json_example(_EXAMPLE))
async def save_session(
    engine: Engine,
    settings: ServerSettings,
    user: CurrentUser,
    new: FinishedSession,
    key: Key = None,
) -> dict[str, Any]:
    """Save a finished session."""
    await _own(new.username, user)
    async with changing(engine, user.id) as connection:

        async def save() -> dict[str, Any]:
            row = await sessions.save(connection, user.id, new.name, new.createdAt, new.time)
            return _json(row, user, settings)

        return await once(connection, user.id, key, ["new", new.model_dump(mode="json")], save)


@router.post(
    "/{username}/start",
    response_model=Session,
    responses={409: {"description": "A session is running already: `session`."}},
    openapi_extra=json_example(_NAME_EXAMPLE),
)
async def start_session(
    engine: Engine,
    settings: ServerSettings,
    user: Owner,
    new: Annotated[NewSession | None, Body()] = None,
    key: Key = None,
) -> dict[str, Any]:
    """Start a session. It runs until it is stopped, even if browser or server are shut down."""
    name = new.name if new else ""
    async with changing(engine, user.id) as connection:

        async def start() -> dict[str, Any]:
            try:
                row = await sessions.start(connection, user.id, name)
            except sessions.AlreadyRunning as error:
                running = _json(error.running, user, settings)
                raise Conflict(str(error), session=running) from None
            return _json(row, user, settings)

        return await once(connection, user.id, key, ["start", name], start)


@router.post(
    "/{username}/stop",
    response_model=Session,
    responses={409: {"description": "No session is running."}},
)
async def stop_session(
    engine: Engine, settings: ServerSettings, user: Owner, key: Key = None
) -> dict[str, Any]:
    """Stop the running session. Its time is measured by the server's clock."""
    async with changing(engine, user.id) as connection:

        async def stop() -> dict[str, Any]:
            return _json(await sessions.stop(connection, user.id), user, settings)

        return await once(connection, user.id, key, ["stop"], stop)


@router.patch(
    "/{username}/{session_id}",
    responses={409: {"description": "The time of a running session cannot be changed."}},
    openapi_extra=json_example(_NAME_EXAMPLE),
)
async def change_session(
    engine: Engine,
    settings: ServerSettings,
    user: Owner,
    session_id: SessionId,
    change: SessionChange,
) -> Session:
    """Change the name, time or start of a session. Fields that are left out stay as they are."""
    async with changing(engine, user.id) as connection:
        row = await sessions.change(connection, user.id, session_id, change)
    return _session(row, user, settings)


@router.delete("/{username}/{session_id}", status_code=204)
async def delete_session(engine: Engine, user: Owner, session_id: SessionId) -> None:
    """Delete a session, running or not."""
    async with changing(engine, user.id) as connection:
        await sessions.remove(connection, user.id, session_id)


# Before the list: its pattern would take `zoe.csv` for a name.
@router.get(
    "/{username}.csv",
    response_class=Response,
    responses={
        200: {
            "content": {
                "text/csv": {
                    "example": "id,name,createdAt,endedAt,time,running,long\n42,Invoices,"
                    "2019-12-02T03:39:45.000000Z,2019-12-02T05:09:45.000000Z,5400000,no,no\n"
                }
            }
        }
    },
)
async def export_sessions(engine: Engine, settings: ServerSettings, user: Owner) -> Response:
    """Return all sessions as CSV, newest start first. `time` is in milliseconds.

    A running session has no `endedAt`. A name that a spreadsheet would take for a formula has an
    apostrophe before it.
    """

    def written(rows: Sequence[SessionRow]) -> str:
        return _csv_lines(_session(row, user, settings) for row in rows)

    async def lines() -> AsyncIterator[str]:
        yield "id,name,createdAt,endedAt,time,running,long\n"
        cursor = None
        while True:
            async with engine.connect() as connection:
                page = await sessions.list_newest_first(
                    connection, user.id, limit=_PAGE, cursor=cursor
                )
            yield await off_loop(written, page.rows)
            cursor = page.next_cursor
            if cursor is None:
                return

    return StreamingResponse(
        lines(),
        media_type="text/csv; charset=utf-8",
        headers={"Content-Disposition": 'attachment; filename="sessions.csv"'},
    )


def _csv_lines(rows: Iterable[Session]) -> str:
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    for one in rows:
        end = "" if one.running else iso(one.createdAt + timedelta(milliseconds=one.time))
        flags = ("yes" if flag else "no" for flag in (one.running, one.long))
        writer.writerow((one.id, inert_cell(one.name), iso(one.createdAt), end, one.time, *flags))
    return out.getvalue()


@router.get("/{username}", response_model=SessionList)
async def list_sessions(
    request: Request,
    engine: Engine,
    settings: ServerSettings,
    user: Owner,
    limit: Annotated[int, Query(ge=1, le=10_000)] = 10_000,
    cursor: Cursor = None,
) -> Response:
    """Return the user's sessions, newest start first; the next page is in the `Link` header."""
    async with engine.connect() as connection:
        page = await sessions.list_newest_first(connection, user.id, limit=limit, cursor=cursor)

    def described(row: SessionRow) -> Session:
        return _session(row, user, settings)

    content = b'{"sessions":[' + await off_loop(json_items, page.rows, described) + b"]}"
    return Response(content, 200, link_header(request, page), "application/json")


@router.get("/{username}/overview", response_model=Overview)
async def get_overview(
    engine: Engine,
    settings: ServerSettings,
    user: Owner,
    by: By = "day",
    start: Annotated[
        Moment | None,
        Query(
            alias="from",
            description="Start, inclusive: a date in the user's time zone, or an instant.",
        ),
    ] = None,
    to: Annotated[
        Moment | None, Query(description="End, exclusive: a date or an instant; default now.")
    ] = None,
) -> Response:
    """Return the time worked by day, week or month in the user's time zone, and by name.

    A session across midnight is split between the days. Sessions that overlap count in full each,
    and the overlaps are listed. Without `from` and `to`: the last 7 days, 8 weeks or 12 months.
    """
    overview = await build_overview(engine, settings, user, by, start, to)
    return Response(await off_loop(_overview_json, overview), media_type="application/json")


def _overview_json(overview: Overview) -> str:
    return overview.model_dump_json(by_alias=True)
