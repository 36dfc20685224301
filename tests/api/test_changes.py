"""Clients that wait for the same thing share a query; none gets a state from before it asked."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from openhours.api.changes import Changes
from tests.helpers.database import on_engine

TOLD = "told"


@dataclass(frozen=True)
class Work:
    state: str


class Table:
    """What is looked at. A look finds the state at its beginning, and takes until `ready`."""

    def __init__(self) -> None:
        self.state = "running"
        self.looks = 0
        self.begun = asyncio.Event()
        self.ready = asyncio.Event()

    async def find(self, _engine: AsyncEngine, _id: str) -> Work:
        self.looks += 1
        self.begun.set()
        work = Work(self.state)
        await self.ready.wait()
        if work.state == "lost":
            raise LookupError("for a test")
        return work


class Crowd:
    """A hundred who wait for one thing."""

    SIZE = 100

    def __init__(self, changes: Changes, table: Table, engine: AsyncEngine) -> None:
        self.tasks = [
            asyncio.create_task(changes.wait(table.find, engine, "one", [TOLD], 60))
            for _ in range(self.SIZE)
        ]

    async def answers(self) -> list[Work | BaseException]:
        async with asyncio.timeout(10):
            return await asyncio.gather(*self.tasks, return_exceptions=True)


@asynccontextmanager
async def listening(url: str) -> AsyncIterator[Changes]:
    changes = Changes(url, [TOLD])
    task = asyncio.create_task(changes.run())
    try:
        yield changes
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def tell(engine: AsyncEngine) -> None:
    async with engine.begin() as connection:
        await connection.execute(text(f"NOTIFY {TOLD}, 'one'"))


def with_table(url: str, work: Callable[[Changes, Table, AsyncEngine], Awaitable[None]]) -> None:
    on_engine(url, lambda engine: work(Changes(url, [TOLD]), Table(), engine))


def test_all_who_ask_before_a_look_begins_share_it(database_url: str) -> None:
    async def work(changes: Changes, table: Table, engine: AsyncEngine) -> None:
        table.state = "complete"
        crowd = Crowd(changes, table, engine)
        await table.begun.wait()
        table.ready.set()
        assert await crowd.answers() == [Work("complete")] * Crowd.SIZE
        assert table.looks == 1

    with_table(database_url, work)


def test_who_asks_while_a_look_goes_on_is_answered_by_the_next_one(database_url: str) -> None:
    async def work(changes: Changes, table: Table, engine: AsyncEngine) -> None:
        early = Crowd(changes, table, engine)
        await table.begun.wait()
        table.state = "complete"
        late = Crowd(changes, table, engine)
        await asyncio.sleep(0.1)
        assert table.looks == 1
        table.ready.set()
        assert await late.answers() == [Work("complete")] * Crowd.SIZE
        assert not any(task.done() for task in early.tasks)
        for task in early.tasks:
            task.cancel()

    with_table(database_url, work)


def test_all_who_are_woken_look_once(database_url: str) -> None:
    async def work(engine: AsyncEngine) -> None:
        table = Table()
        table.ready.set()
        async with listening(database_url) as changes:
            crowd = Crowd(changes, table, engine)
            await table.begun.wait()
            table.state = "complete"
            # It may not listen yet.
            while not all(task.done() for task in crowd.tasks):
                await tell(engine)
                await asyncio.sleep(0.1)
        assert await crowd.answers() == [Work("complete")] * Crowd.SIZE
        # Who was woken when it began to listen may have looked before the state changed.
        assert table.looks in (2, 3)

    on_engine(database_url, work)


def test_who_leaves_does_not_end_the_look_of_the_others(database_url: str) -> None:
    async def work(changes: Changes, table: Table, engine: AsyncEngine) -> None:
        table.state = "complete"
        crowd = Crowd(changes, table, engine)
        await table.begun.wait()
        crowd.tasks[0].cancel()
        table.ready.set()
        first, *others = await crowd.answers()
        assert isinstance(first, asyncio.CancelledError)
        assert others == [Work("complete")] * (Crowd.SIZE - 1)

    with_table(database_url, work)


def test_an_error_is_told_to_all_who_shared_the_look_and_to_nobody_else(database_url: str) -> None:
    async def work(changes: Changes, table: Table, engine: AsyncEngine) -> None:
        table.state = "lost"
        table.ready.set()
        assert {type(error) for error in await Crowd(changes, table, engine).answers()} == {
            LookupError
        }
        table.state = "complete"
        assert await Crowd(changes, table, engine).answers() == [Work("complete")] * Crowd.SIZE

    with_table(database_url, work)


def test_other_ids_and_other_things_are_looked_for_apart(database_url: str) -> None:
    async def work(changes: Changes, table: Table, engine: AsyncEngine) -> None:
        table.state = "complete"
        other = Table()
        other.state = "failed"
        for one in (table, other):
            one.ready.set()
        found = await asyncio.gather(
            changes.wait(table.find, engine, "one", [TOLD], 60),
            changes.wait(table.find, engine, "two", [TOLD], 60),
            changes.wait(other.find, engine, "one", [TOLD], 60),
        )
        assert [*found] == [Work("complete"), Work("complete"), Work("failed")]
        assert (table.looks, other.looks) == (2, 1)

    with_table(database_url, work)
