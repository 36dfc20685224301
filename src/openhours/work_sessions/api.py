"""Work sessions over HTTP: the user's own only."""

import csv
import io
from datetime import timedelta
from typing import Annotated, Any

from fastapi import APIRouter, Body, Depends, Path, Query, Request, Response
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from openhours.accounts.access_control import CurrentUser
from openhours.accounts.tokens import UserName
from openhours.accounts.users import username_key
from openhours.api.dependencies import Engine, ServerSettings
from openhours.api.examples import HOUR_AGO
from openhours.api.fields import Text
from openhours.api.json_body import json_example
from openhours.api.pagination import Cursor, link_header
from openhours.errors import Conflict, Refused
from openhours.settings import Settings
from openhours.times import Instant, iso
from openhours.work_sessions import sessions
from openhours.work_sessions.dates import CreatedAt
from openhours.work_sessions.idempotency import Key, once
from openhours.work_sessions.sessions import LONGEST_MS, SessionRow, changing

router = APIRouter(prefix="/api/v1/sessions", tags=["work sessions"])

_NAME_EXAMPLE = {"name": "Invoices"}
_EXAMPLE = _NAME_EXAMPLE | {"username": "zoe", "time": 3_600_000, "createdAt": HOUR_AGO}


Name = Annotated[Text, Field(max_length=200, examples=["Invoices"])]


def _whole(value: object) -> object:
    """Round a fraction half to even, as reports do. Browsers' clocks have parts of milliseconds."""
    return round(value) if isinstance(value, float) and 0 <= value <= LONGEST_MS else value


_Sent = Annotated[float, Field(ge=0, le=LONGEST_MS)]
# Strict: `true` and "5" are mistakes, not numbers.
Milliseconds = Annotated[
    int,
    BeforeValidator(_whole, json_schema_input_type=_Sent),
    Field(
        strict=True,
        ge=0,
        le=LONGEST_MS,
        description="Milliseconds; a fraction is rounded, half to even.",
        examples=[5_400_000],
    ),
]
SessionId = Annotated[int, Path(ge=1, le=2**63 - 1)]


class Session(BaseModel):
    """A work session. Of a running one, `time` is what has elapsed."""

    id: Annotated[int, Field(examples=[42])]
    username: Annotated[str, Field(examples=["zoe"])]
    name: Name
    time: Annotated[int, Field(description="Milliseconds.", examples=[5_400_000])]
    createdAt: Annotated[Instant, Field(description="Its start.")]  # noqa: N815  the contract's word
    running: bool
    long: Annotated[
        bool, Field(description="Longer than OPENHOURS_LONG_SESSION_HOURS: was it forgotten?")
    ]


class SessionList(BaseModel):
    """Newest start first."""

    sessions: list[Session]


class FinishedSession(BaseModel):
    """A session to save."""

    username: str
    name: Name
    time: Milliseconds
    createdAt: CreatedAt  # noqa: N815


class NewSession(BaseModel):
    """A session to start."""

    name: Name = ""


class SessionChange(BaseModel):
    """What to change of a session."""

    model_config = ConfigDict(extra="forbid")

    name: Name | None = None
    time: Milliseconds | None = None
    createdAt: CreatedAt | None = None  # noqa: N815


async def _own(username: str, user: CurrentUser) -> UserName:
    """The user, if the sessions asked for are theirs; whether others exist is not told."""
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
    responses={409: {"description": "One is running already: `detail.session`."}},
    openapi_extra=json_example(_NAME_EXAMPLE),
)
async def start_session(
    engine: Engine,
    settings: ServerSettings,
    user: Owner,
    new: Annotated[NewSession | None, Body()] = None,
    key: Key = None,
) -> dict[str, Any]:
    """Start a session; it runs until it is stopped, whatever happens to browser or server."""
    name = new.name if new else ""
    async with changing(engine, user.id) as connection:

        async def start() -> dict[str, Any]:
            running = await sessions.running(connection, user.id)
            if running is not None:
                one = _json(running, user, settings)
                raise Conflict("a session is running already", session=one)
            return _json(await sessions.start(connection, user.id, name), user, settings)

        return await once(connection, user.id, key, ["start", name], start)


@router.post(
    "/{username}/stop",
    response_model=Session,
    responses={409: {"description": "No session is running."}},
)
async def stop_session(
    engine: Engine, settings: ServerSettings, user: Owner, key: Key = None
) -> dict[str, Any]:
    """Stop the running session: its time is what elapsed by the server's clock."""
    async with changing(engine, user.id) as connection:

        async def stop() -> dict[str, Any]:
            return _json(await sessions.stop(connection, user.id), user, settings)

        return await once(connection, user.id, key, ["stop"], stop)


@router.patch(
    "/{username}/{session_id}",
    responses={409: {"description": "A running session has no time to change yet."}},
    openapi_extra=json_example(_NAME_EXAMPLE),
)
async def change_session(
    engine: Engine,
    settings: ServerSettings,
    user: Owner,
    session_id: SessionId,
    change: SessionChange,
) -> Session:
    """Rename a session, or correct its time or start. What is not given stays."""
    columns = {"name": change.name, "time_ms": change.time, "started_at": change.createdAt}
    values = {column: value for column, value in columns.items() if value is not None}
    async with changing(engine, user.id) as connection:
        row = await sessions.change(connection, user.id, session_id, values)
    return _session(row, user, settings)


@router.delete("/{username}/{session_id}", status_code=204)
async def delete_session(engine: Engine, user: Owner, session_id: SessionId) -> None:
    """Delete a session, also a running one."""
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
    """All sessions as CSV, newest first; a running one has no end. `time` is in milliseconds."""
    async with engine.connect() as connection:
        rows = await sessions.all_newest_first(connection, user.id)
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(("id", "name", "createdAt", "endedAt", "time", "running", "long"))
    for row in rows:
        one = _session(row, user, settings)
        end = "" if one.running else iso(one.createdAt + timedelta(milliseconds=one.time))
        flags = ("yes" if flag else "no" for flag in (one.running, one.long))
        writer.writerow((one.id, one.name, iso(one.createdAt), end, one.time, *flags))
    return Response(
        out.getvalue(),
        media_type="text/csv; charset=utf-8",
        headers={"Content-Disposition": 'attachment; filename="sessions.csv"'},
    )


@router.get("/{username}")
async def list_sessions(
    request: Request,
    response: Response,
    engine: Engine,
    settings: ServerSettings,
    user: Owner,
    limit: Annotated[int, Query(ge=1, le=10_000)] = 10_000,
    cursor: Cursor = None,
) -> SessionList:
    """The user's sessions, newest start first; the next page is in the `Link` header."""
    async with engine.connect() as connection:
        page = await sessions.list_newest_first(connection, user.id, limit=limit, cursor=cursor)
    response.headers.update(link_header(request, page))
    return SessionList(sessions=[_session(row, user, settings) for row in page.rows])
