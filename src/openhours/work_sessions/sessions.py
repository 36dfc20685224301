"""Work sessions in the database, whose clock starts and stops them."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime
from uuid import UUID

from sqlalchemy import BigInteger, cast, delete, func, insert, select, update
from sqlalchemy.engine import Row
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from openhours.accounts.tables import User
from openhours.api.pagination import Page, fetch_page
from openhours.errors import Conflict, NotFound, Unauthenticated
from openhours.work_sessions.schemas import SessionChange
from openhours.work_sessions.tables import WorkSession

_elapsed_ms = func.greatest(
    0,
    cast(
        func.floor(func.extract("epoch", func.clock_timestamp() - WorkSession.started_at) * 1000),
        BigInteger,
    ),
)
# What is read of a session; `time_ms` of a running one is what has elapsed.
COLUMNS = (
    WorkSession.id,
    WorkSession.name,
    WorkSession.started_at,
    func.coalesce(WorkSession.time_ms, _elapsed_ms).label("time_ms"),
    WorkSession.time_ms.is_(None).label("running"),
)
SessionRow = Row[int, str, datetime, int, bool]


class AlreadyRunning(Conflict):
    """Conflict with the session that is `running`: a user has one at most."""

    def __init__(self, running: SessionRow) -> None:
        super().__init__("a session is running already: stop it first")
        self.running = running


@asynccontextmanager
async def changing(engine: AsyncEngine, user_id: UUID) -> AsyncIterator[AsyncConnection]:
    """Begin a transaction that alone may change the user's sessions."""
    async with engine.begin() as connection:
        lock = select(User.id).where(User.id == user_id).with_for_update(key_share=True)
        if await connection.scalar(lock) is None:
            raise Unauthenticated("this account no longer exists")
        yield connection


async def save(
    connection: AsyncConnection, user_id: UUID, name: str, started_at: datetime, time_ms: int
) -> SessionRow:
    """Store a finished session and return it."""
    query = insert(WorkSession).values(
        user_id=user_id, name=name, started_at=started_at, time_ms=time_ms
    )
    return (await connection.execute(query.returning(*COLUMNS))).one()


async def running(connection: AsyncConnection, user_id: UUID) -> SessionRow | None:
    """Return the user's running session, if one is running."""
    query = select(*COLUMNS).where(WorkSession.user_id == user_id, WorkSession.time_ms.is_(None))
    return (await connection.execute(query)).one_or_none()


async def start(connection: AsyncConnection, user_id: UUID, name: str) -> SessionRow:
    """Start a session now and return it; raise AlreadyRunning. The caller holds the lock."""
    live = await running(connection, user_id)
    if live is not None:
        raise AlreadyRunning(live)
    query = insert(WorkSession).values(
        user_id=user_id, name=name, started_at=func.clock_timestamp(), time_ms=None
    )
    return (await connection.execute(query.returning(*COLUMNS))).one()


async def stop(connection: AsyncConnection, user_id: UUID) -> SessionRow:
    """Stop the running session now and return it; raise Conflict if none runs."""
    query = (
        update(WorkSession)
        .where(WorkSession.user_id == user_id, WorkSession.time_ms.is_(None))
        .values(time_ms=_elapsed_ms)
    )
    row = (await connection.execute(query.returning(*COLUMNS))).one_or_none()
    if row is None:
        raise Conflict("no session is running")
    return row


async def list_newest_first(
    connection: AsyncConnection, user_id: UUID, *, limit: int, cursor: str | None = None
) -> Page[SessionRow]:
    """Return the user's sessions, newest start first."""
    query = select(*COLUMNS).where(WorkSession.user_id == user_id)
    keys = (WorkSession.started_at, WorkSession.id)
    return await fetch_page(connection, query, keys, limit=limit, cursor=cursor, descending=True)


async def count(connection: AsyncConnection, user_id: UUID) -> int:
    """Return how many sessions the user has."""
    query = select(func.count()).select_from(WorkSession).where(WorkSession.user_id == user_id)
    return (await connection.execute(query)).scalar_one()


async def find(connection: AsyncConnection, user_id: UUID, session_id: int) -> SessionRow:
    """Return one of the user's sessions; raise NotFound."""
    query = select(*COLUMNS).where(WorkSession.user_id == user_id, WorkSession.id == session_id)
    row = (await connection.execute(query)).one_or_none()
    if row is None:
        raise NotFound("no session has this id")
    return row


async def change(
    connection: AsyncConnection, user_id: UUID, session_id: int, changes: SessionChange
) -> SessionRow:
    """Change a session and return it; raise NotFound, or Conflict for the time of a running one."""
    before = await find(connection, user_id, session_id)
    if before.running and changes.time is not None:
        raise Conflict("the session is running: stop it before you change its time")
    columns = {"name": changes.name, "time_ms": changes.time, "started_at": changes.createdAt}
    values = {column: value for column, value in columns.items() if value is not None}
    if not values:
        return before
    query = update(WorkSession).where(WorkSession.id == session_id).values(**values)
    return (await connection.execute(query.returning(*COLUMNS))).one()


async def remove(connection: AsyncConnection, user_id: UUID, session_id: int) -> None:
    """Delete the session, running or not; raise NotFound."""
    query = delete(WorkSession).where(WorkSession.user_id == user_id, WorkSession.id == session_id)
    if (await connection.execute(query)).rowcount == 0:
        raise NotFound("no session has this id")
