"""Work sessions in the database, whose clock starts, stops and deletes them."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    cast,
    func,
    insert,
    or_,
    select,
    type_coerce,
    update,
)
from sqlalchemy.engine import Row
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from openhours.accounts.tables import User
from openhours.api.pagination import Page, fetch_page
from openhours.db.pruning import prune_rows
from openhours.errors import Conflict, NotFound, Unauthenticated, invalid
from openhours.work_sessions.schemas import MAX_MS, SessionChange
from openhours.work_sessions.tables import WorkSession

# For so long a deletion can be undone.
UNDO_FOR = timedelta(minutes=15)

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


def of_user(user_id: UUID) -> tuple[ColumnElement[bool], ...]:
    """Return the conditions for the user's sessions, deleted ones excepted."""
    return WorkSession.user_id == user_id, WorkSession.deleted_at.is_(None)


def time_between(start: datetime, end: datetime) -> int:
    """Return the milliseconds of a session; raise Invalid, with the path `end`."""
    time_ms = (end - start) // timedelta(milliseconds=1)
    if time_ms < 0:
        raise invalid("must be after the start", "end")
    if time_ms > MAX_MS:
        raise invalid("must be within 366 days after the start", "end")
    return time_ms


def ended_at(row: SessionRow) -> datetime:
    """Return when a session ended, for a running one now."""
    start: datetime = row.started_at
    return start + timedelta(milliseconds=row.time_ms)


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
    query = select(*COLUMNS).where(*of_user(user_id), WorkSession.time_ms.is_(None))
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
        .where(*of_user(user_id), WorkSession.time_ms.is_(None))
        .values(time_ms=_elapsed_ms)
    )
    row = (await connection.execute(query.returning(*COLUMNS))).one_or_none()
    if row is None:
        raise Conflict("no session is running")
    return row


async def switch(connection: AsyncConnection, user_id: UUID, name: str) -> SessionRow:
    """Stop the running session, if one runs, start another and return that.

    The caller holds the lock.
    """
    if await running(connection, user_id) is not None:
        await stop(connection, user_id)
    return await start(connection, user_id, name)


async def list_newest_first(
    connection: AsyncConnection,
    user_id: UUID,
    *,
    since: datetime | None = None,
    until: datetime | None = None,
    limit: int,
    cursor: str | None = None,
) -> Page[SessionRow]:
    """Return the user's sessions with a part in [since, until), newest start first."""
    query = select(*COLUMNS).where(*of_user(user_id), *within(since, until))
    keys = (WorkSession.started_at, WorkSession.id)
    return await fetch_page(connection, query, keys, limit=limit, cursor=cursor, descending=True)


def within(since: datetime | None, until: datetime | None) -> list[ColumnElement[bool]]:
    """Return the conditions for sessions with a part in [since, until); a running one ends now."""
    length = WorkSession.time_ms * timedelta(milliseconds=1)
    end = type_coerce(WorkSession.started_at + length, WorkSession.started_at.type)
    conditions: list[ColumnElement[bool]] = []
    if since is not None:
        conditions.append(or_(WorkSession.time_ms.is_(None), end > since))
    if until is not None:
        conditions.append(WorkSession.started_at < until)
    return conditions


async def find(connection: AsyncConnection, user_id: UUID, session_id: int) -> SessionRow:
    """Return one of the user's sessions; raise NotFound."""
    query = select(*COLUMNS).where(*of_user(user_id), WorkSession.id == session_id)
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
    """Delete the session, running or not; raise NotFound. For UNDO_FOR `restore` undoes it."""
    query = update(WorkSession).where(*of_user(user_id), WorkSession.id == session_id)
    values = query.values(deleted_at=func.clock_timestamp())
    if (await connection.execute(values)).rowcount == 0:
        raise NotFound("no session has this id")


def _restorable(user_id: UUID) -> tuple[ColumnElement[bool], ...]:
    present = func.clock_timestamp()
    return WorkSession.user_id == user_id, WorkSession.deleted_at > present - UNDO_FOR


async def list_deleted(
    connection: AsyncConnection, user_id: UUID, *, limit: int
) -> Sequence[SessionRow]:
    """Return the sessions whose deletion can be undone, the last deleted first."""
    query = select(*COLUMNS).where(*_restorable(user_id))
    query = query.order_by(WorkSession.deleted_at.desc()).limit(limit)
    return (await connection.execute(query)).all()


async def restore(connection: AsyncConnection, user_id: UUID, session_id: int) -> None:
    """Undo a deletion; one that was running runs on. The caller holds the lock.

    Raise NotFound, or AlreadyRunning if another session runs meanwhile.
    """
    this = (*_restorable(user_id), WorkSession.id == session_id)
    row = (await connection.execute(select(*COLUMNS).where(*this))).one_or_none()
    if row is None:
        raise NotFound("this deletion can no longer be undone")
    live = await running(connection, user_id)
    if row.running and live is not None:
        raise AlreadyRunning(live)
    restored = update(WorkSession).where(WorkSession.id == session_id).values(deleted_at=None)
    await connection.execute(restored)


async def prune_deleted(engine: AsyncEngine) -> None:
    """Delete for good what was deleted and can no longer be restored."""
    condition = "deleted_at <= now() - CAST(:undo_for AS interval)"
    await prune_rows(engine, "work_sessions", condition, undo_for=UNDO_FOR)
