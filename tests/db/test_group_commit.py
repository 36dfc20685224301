"""Groups form while a commit is under way; whatever happens, everyone is answered."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence

import asyncpg
import httpx
import pytest
from fastapi import FastAPI
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from openhours.api.error_responses import add_error_handlers
from openhours.db import group_commit
from openhours.db.engine import is_database_away, make_engine, raw_connection
from openhours.db.group_commit import GroupCommit, TooManyWaiting


class Ledger:
    """A real table that takes integers once each, none negative; notes the groups."""

    def __init__(self, engine: AsyncEngine) -> None:
        self.engine = engine
        self.groups: list[list[int]] = []
        self.free = asyncio.Event()
        self.free.set()

    async def write(self, items: Sequence[int]) -> list[int]:
        self.groups.append(list(items))
        await self.free.wait()
        async with self.engine.connect() as connection:
            raw = await raw_connection(connection)
            rows = await raw.fetch(
                "INSERT INTO ledger (value) SELECT unnest($1::int8[]) RETURNING value", items
            )
        return [-row["value"] for row in rows]

    async def stored(self) -> list[int]:
        async with self.engine.connect() as connection:
            rows = await connection.execute(text("SELECT value FROM ledger ORDER BY n"))
            return list(rows.scalars())


def run(url: str, test: Callable[[Ledger], Awaitable[None]]) -> None:
    """Run a test with a ledger of its own; nothing may be left hanging."""

    async def with_ledger() -> None:
        engine = make_engine(url)
        async with engine.begin() as connection:
            await connection.execute(
                text(
                    "CREATE TABLE ledger (n int8 GENERATED ALWAYS AS IDENTITY,"
                    " value int8 UNIQUE CHECK (value >= 0))"
                )
            )
        async with asyncio.timeout(20):
            await test(Ledger(engine))
        await engine.dispose()

    asyncio.run(with_ledger())


async def turns(count: int = 5) -> None:
    """Let everything run that can run without waiting for the database."""
    for _ in range(count):
        await asyncio.sleep(0)


def test_what_arrives_during_a_commit_is_the_next_group(database_url: str) -> None:
    async def test(ledger: Ledger) -> None:
        commit = GroupCommit(ledger.write)
        ledger.free.clear()
        first = [asyncio.create_task(commit.add(n)) for n in (0, 1)]
        await turns()
        later = [asyncio.create_task(commit.add(n)) for n in range(2, 50)]
        await turns()
        ledger.free.set()
        assert await asyncio.gather(*first, *later) == [-n for n in range(50)]
        assert ledger.groups == [[0, 1], list(range(2, 50))]
        assert await ledger.stored() == list(range(50))

    run(database_url, test)


def test_one_after_the_other_needs_no_company(database_url: str) -> None:
    async def test(ledger: Ledger) -> None:
        commit = GroupCommit(ledger.write)
        for n in range(5):
            assert await commit.add(n) == -n
        assert ledger.groups == [[n] for n in range(5)]

    run(database_url, test)


def test_groups_are_bounded_and_in_order(database_url: str) -> None:
    async def test(ledger: Ledger) -> None:
        commit = GroupCommit(ledger.write, most=100)
        assert await asyncio.gather(*(commit.add(n) for n in range(1001))) == [
            -n for n in range(1001)
        ]
        assert [len(group) for group in ledger.groups] == [100] * 10 + [1]
        assert await ledger.stored() == list(range(1001))

    run(database_url, test)


def test_bad_items_fail_alone(database_url: str) -> None:
    """Two that the table refuses, one that the driver refuses: the other 997 are written once."""

    async def test(ledger: Ledger) -> None:
        commit = GroupCommit(ledger.write)
        values = [*range(1000)]
        values[7], values[500], values[999] = -1, 2**70, 0  # a check, no int8, there already
        done = await asyncio.gather(*(commit.add(n) for n in values), return_exceptions=True)
        bad = {n: result for n, result in enumerate(done) if isinstance(result, Exception)}
        assert {n: type(error) for n, error in bad.items()} == {
            7: asyncpg.CheckViolationError,
            500: asyncpg.DataError,
            999: asyncpg.UniqueViolationError,
        }
        good = [value for n, value in enumerate(values) if n not in bad]
        assert [result for result in done if not isinstance(result, BaseException)] == [
            -value for value in good
        ]
        assert await ledger.stored() == good
        assert len(ledger.groups) < 70, "halving, not one by one"

    run(database_url, test)


def test_a_result_that_is_an_exception_is_its_items_own(database_url: str) -> None:
    async def test(ledger: Ledger) -> None:
        async def refuse_odd(items: Sequence[int]) -> list[int | Exception]:
            return [KeyError(n) if n % 2 else n for n in items]

        commit = GroupCommit(refuse_odd)
        done = await asyncio.gather(*(commit.add(n) for n in range(4)), return_exceptions=True)
        assert [done[0], done[2]] == [0, 2]
        assert [type(done[1]), type(done[3])] == [KeyError, KeyError]

    run(database_url, test)


def test_a_client_that_goes_away_takes_nobody_with_it(database_url: str) -> None:
    async def test(ledger: Ledger) -> None:
        commit = GroupCommit(ledger.write)
        ledger.free.clear()
        tasks = [asyncio.create_task(commit.add(n)) for n in range(3)]
        await turns()
        tasks += [asyncio.create_task(commit.add(n)) for n in range(3, 6)]
        await turns()
        tasks[1].cancel()  # its group is being written
        tasks[4].cancel()  # it waits
        await turns()
        ledger.free.set()
        done = await asyncio.gather(*tasks, return_exceptions=True)
        assert [type(done[1]), type(done[4])] == [asyncio.CancelledError] * 2
        assert [done[n] for n in (0, 2, 3, 5)] == [0, -2, -3, -5]
        # Nobody can tell whether a client that has gone wanted it: it is written, as promised.
        assert await ledger.stored() == [0, 1, 2, 3, 4, 5]

    run(database_url, test)


def test_database_away_tells_everyone_and_then_goes_on(database_url: str) -> None:
    async def test(ledger: Ledger) -> None:
        commit = GroupCommit(ledger.write, most=10)
        there, ledger.engine = ledger.engine, make_engine("postgresql://127.0.0.1:1/none")
        done = await asyncio.gather(*(commit.add(n) for n in range(25)), return_exceptions=True)
        assert all(isinstance(one, Exception) and is_database_away(one) for one in done)
        assert [len(group) for group in ledger.groups] == [10, 10, 5], "no item was tried again"
        ledger.engine = there
        assert await commit.add(1) == -1

    run(database_url, test)


def test_a_connection_killed_under_a_group_is_an_error_and_the_next_group_is_written(
    database_url: str,
) -> None:
    async def test(ledger: Ledger) -> None:
        async def hang(items: Sequence[int]) -> list[int]:
            async with ledger.engine.connect() as connection:
                raw = await raw_connection(connection)
                await raw.execute("SELECT pg_sleep(60)")
            raise AssertionError("the connection lives")

        commit: GroupCommit[int, int] = GroupCommit(hang)
        waiting = asyncio.create_task(commit.add(1))
        async with ledger.engine.connect() as connection:
            kill = text(
                "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity"
                " WHERE query LIKE '%pg_sleep(60)' AND pid <> pg_backend_pid()"
                " AND datname = current_database()"
            )
            while await connection.scalar(kill) == 0:
                await connection.rollback()
                await asyncio.sleep(0.02)
        with pytest.raises(Exception) as failed:
            await waiting
        assert is_database_away(failed.value)
        assert await GroupCommit(ledger.write).add(2) == -2

    run(database_url, test)


def test_waiting_is_bounded(database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(group_commit, "MAX_WAITING", 100)

    async def test(ledger: Ledger) -> None:
        commit = GroupCommit(ledger.write)
        ledger.free.clear()
        tasks = [asyncio.create_task(commit.add(0))]
        await turns()
        tasks += [asyncio.create_task(commit.add(n)) for n in range(1, 101)]
        await turns()
        with pytest.raises(TooManyWaiting, match="100 requests are waiting"):
            await commit.add(101)
        ledger.free.set()
        assert await asyncio.gather(*tasks) == [-n for n in range(101)]
        assert await commit.add(102) == -102
        assert 101 not in await ledger.stored()

    run(database_url, test)


def test_too_many_waiting_are_told_to_come_back() -> None:
    app = FastAPI()
    add_error_handlers(app)

    @app.post("/")
    async def full() -> None:
        raise TooManyWaiting("20,000 requests are waiting to be written; try again")

    async def post() -> httpx.Response:
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url="http://app") as client:
            return await client.post("/")

    answer = asyncio.run(post())
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "1")
    assert answer.json()["detail"] == "20,000 requests are waiting to be written; try again"


def test_the_end_of_the_event_loop_leaves_nobody_waiting(database_url: str) -> None:
    async def test(ledger: Ledger) -> None:
        commit = GroupCommit(ledger.write, most=2)
        ledger.free.clear()
        tasks = [asyncio.create_task(commit.add(n)) for n in range(5)]
        await turns()
        others = asyncio.all_tasks() - {asyncio.current_task(), *tasks}
        writer = next(one for one in others if "_write_all" in repr(one))
        writer.cancel()  # as asyncio.run does at its end
        done = await asyncio.gather(*tasks, return_exceptions=True)
        assert {type(one) for one in done} == {asyncio.CancelledError}
        ledger.free.set()
        assert await commit.add(9) == -9

    run(database_url, test)


def test_a_wrong_number_of_results_is_everyones_error_and_nothing_is_written_twice(
    database_url: str,
) -> None:
    async def test(ledger: Ledger) -> None:
        async def forget_one(items: Sequence[int]) -> list[int]:
            return (await ledger.write(items))[1:]

        commit: GroupCommit[int, int] = GroupCommit(forget_one)
        done = await asyncio.gather(*(commit.add(n) for n in range(3)), return_exceptions=True)
        assert {type(one) for one in done} == {RuntimeError}
        assert await ledger.stored() == [0, 1, 2]

    run(database_url, test)
