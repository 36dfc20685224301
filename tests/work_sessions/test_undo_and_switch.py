"""Sessions in the database: a deletion that is undone, a switch, and what is inside a range."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from openhours.accounts.tokens import UserName
from openhours.db.engine import make_engine
from openhours.errors import Invalid, NotFound
from openhours.settings import Settings
from openhours.work_sessions import sessions
from openhours.work_sessions.overview import build_overview
from openhours.work_sessions.schemas import MAX_MS
from openhours.work_sessions.sessions import AlreadyRunning, SessionRow, changing, time_between

NINE = datetime(2024, 3, 1, 9, tzinfo=UTC)
HOUR = 3_600_000


class Ann:
    """The sessions of one user; each call is a transaction of its own."""

    def __init__(self, engine: AsyncEngine, user_id: UUID) -> None:
        self.engine, self.id = engine, user_id

    async def save(self, name: str, start: datetime = NINE, ms: int = HOUR) -> int:
        async with changing(self.engine, self.id) as connection:
            saved: int = (await sessions.save(connection, self.id, name, start, ms)).id
        return saved

    async def start(self, name: str) -> int:
        async with changing(self.engine, self.id) as connection:
            started: int = (await sessions.start(connection, self.id, name)).id
        return started

    async def switch(self, name: str) -> SessionRow:
        async with changing(self.engine, self.id) as connection:
            return await sessions.switch(connection, self.id, name)

    async def remove(self, session: int) -> None:
        async with changing(self.engine, self.id) as connection:
            await sessions.remove(connection, self.id, session)

    async def restore(self, session: int) -> None:
        async with changing(self.engine, self.id) as connection:
            await sessions.restore(connection, self.id, session)

    async def names(
        self, since: datetime | None = None, until: datetime | None = None
    ) -> list[str]:
        async with self.engine.connect() as connection:
            page = await sessions.list_newest_first(
                connection, self.id, since=since, until=until, limit=100
            )
        return [row.name for row in page.rows]

    async def deleted(self, limit: int = 5) -> list[str]:
        async with self.engine.connect() as connection:
            rows = await sessions.list_deleted(connection, self.id, limit=limit)
        return [row.name for row in rows]

    async def running(self) -> str | None:
        async with self.engine.connect() as connection:
            row = await sessions.running(connection, self.id)
        return None if row is None else row.name

    async def age(self, session: int, by: timedelta) -> None:
        """Let the deletion of a session be older."""
        async with self.engine.begin() as connection:
            query = (
                "UPDATE work_sessions SET deleted_at = deleted_at - CAST(:by AS interval)"
                " WHERE id = :id"
            )
            await connection.execute(text(query), {"by": by, "id": session})


def with_ann(url: str, scenario: Callable[[Ann], Awaitable[None]]) -> None:
    async def run() -> None:
        engine = make_engine(url)
        async with engine.begin() as connection:
            user_id = await new_user(connection, "ann")
        await scenario(Ann(engine, user_id))
        await engine.dispose()

    asyncio.run(run())


async def new_user(connection: AsyncConnection, name: str) -> UUID:
    query = (
        "INSERT INTO users (username, username_key, password_hash, timezone)"
        " VALUES (:name, :name, '', 'UTC') RETURNING id"
    )
    found: UUID = (await connection.execute(text(query), {"name": name})).scalar_one()
    return found


def test_a_deleted_session_is_nowhere_until_its_deletion_is_undone(
    database_url: str, settings: Settings
) -> None:
    async def scenario(ann: Ann) -> None:
        session, _ = await ann.save("draft"), await ann.save("other", NINE + timedelta(hours=2))
        user = UserName(ann.id, "ann")
        await ann.remove(session)
        assert (await ann.names(), await ann.deleted()) == (["other"], ["draft"])
        overview = await build_overview(ann.engine, settings, user, "day", NINE.date(), None)
        assert overview.time == HOUR
        with pytest.raises(NotFound):
            await ann.remove(session)
        async with ann.engine.connect() as connection:
            with pytest.raises(NotFound):
                await sessions.find(connection, ann.id, session)
        await ann.restore(session)
        assert (await ann.names(), await ann.deleted()) == (["other", "draft"], [])
        with pytest.raises(NotFound):
            await ann.restore(session)

    with_ann(database_url, scenario)


def test_a_deletion_can_be_undone_for_a_quarter_of_an_hour_and_then_the_session_goes(
    database_url: str,
) -> None:
    async def scenario(ann: Ann) -> None:
        first, second = await ann.save("first"), await ann.save("second")
        kept = await ann.save("kept")
        for session in (first, second):
            await ann.remove(session)
        assert await ann.deleted() == ["second", "first"], "the last deleted first"
        assert await ann.deleted(limit=1) == ["second"]
        await ann.age(first, timedelta(minutes=15))
        await ann.age(second, timedelta(minutes=14))
        assert await ann.deleted() == ["second"]
        with pytest.raises(NotFound):
            await ann.restore(first)
        await sessions.prune_deleted(ann.engine)
        async with ann.engine.connect() as connection:
            left = await connection.scalars(text("SELECT id FROM work_sessions ORDER BY id"))
            assert list(left) == [second, kept]

    with_ann(database_url, scenario)


def test_nobody_restores_what_is_another_s(database_url: str) -> None:
    async def scenario(ann: Ann) -> None:
        async with ann.engine.begin() as connection:
            bob = Ann(ann.engine, await new_user(connection, "bob"))
        session = await ann.save("mine")
        await ann.remove(session)
        assert await bob.deleted() == []
        with pytest.raises(NotFound):
            await bob.restore(session)

    with_ann(database_url, scenario)


def test_a_running_session_that_was_deleted_runs_on_when_restored(database_url: str) -> None:
    async def scenario(ann: Ann) -> None:
        session = await ann.start("first")
        await ann.remove(session)
        assert await ann.running() is None
        second = await ann.start("second")
        with pytest.raises(AlreadyRunning):
            await ann.restore(session)
        await ann.remove(second)
        await ann.restore(session)
        assert await ann.running() == "first"

    with_ann(database_url, scenario)


def test_a_switch_ends_one_session_where_the_next_begins(database_url: str) -> None:
    async def scenario(ann: Ann) -> None:
        assert (await ann.switch("first")).running, "nothing has to run before"
        second = await ann.switch("second")
        assert await ann.running() == "second"
        async with ann.engine.connect() as connection:
            _, first = (await sessions.list_newest_first(connection, ann.id, limit=2)).rows
        gap = second.started_at - sessions.ended_at(first)
        assert timedelta() <= gap < timedelta(seconds=1)
        await asyncio.gather(*(ann.switch(f"s{n}") for n in range(8)))
        assert len(await ann.names()) == 10

    with_ann(database_url, scenario)


def test_a_range_holds_the_sessions_with_a_part_in_it(database_url: str) -> None:
    async def scenario(ann: Ann) -> None:
        for hours, name in ((-1, "before"), (0, "first"), (1, "second"), (2, "after")):
            await ann.save(name, NINE + timedelta(hours=hours))
        await ann.start("live")
        ten, eleven = NINE + timedelta(minutes=30), NINE + timedelta(hours=2)
        assert await ann.names(ten, eleven) == ["second", "first"]
        assert await ann.names(until=NINE) == ["before"]
        assert await ann.names(since=eleven) == ["live", "after"]

    with_ann(database_url, scenario)


def test_a_session_ends_after_its_start_and_within_a_year() -> None:
    assert time_between(NINE, NINE) == 0
    assert time_between(NINE, NINE + timedelta(milliseconds=MAX_MS)) == MAX_MS
    for away, message in ((-1, "must be after the start"), (MAX_MS + 1, "within 366 days")):
        with pytest.raises(Invalid, match=message) as caught:
            time_between(NINE, NINE + timedelta(milliseconds=away))
        assert [problem.path for problem in caught.value.problems] == [("end",)]
