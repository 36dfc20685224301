"""Counts of hours and days: statistics are the same with them as without."""

import asyncio
import random
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from typing import Any, TypeAlias

import asyncpg
import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from openhours.db.engine import make_engine
from openhours.times import now
from openhours.visits import statistics
from openhours.visits.counts import count_visits
from openhours.visits.statistics import Pages
from openhours.visits.tables import VISITS
from openhours.visits.write import NewVisit, write_visits
from tests.helpers.database import make_weeks

pytestmark = pytest.mark.slow

WINDOWS = (0.1, 0.6, 1, 5, 23.7, 24, 100, 168)

Connection: TypeAlias = "asyncpg.Connection[Any]"


def run(url: str, test: Callable[[AsyncEngine, Connection], Awaitable[None]]) -> None:
    async def with_database() -> None:
        engine, connection = make_engine(url), await asyncpg.connect(url)
        await test(engine, connection)
        await connection.close()
        await engine.dispose()

    asyncio.run(with_database())


async def fill(connection: Connection, days: int, visits: int) -> None:
    """Add visits of the last days, by pages, referrers and bots at random, behind our back."""
    await make_weeks(connection, VISITS, now() - timedelta(days=days), now())
    await connection.execute(
        """
        WITH filled AS (
            INSERT INTO visits (visited_at, number, bots_before, bot, user_id, page_url, referrer)
            SELECT at, c.total + row_number() OVER w, c.bots + count(*) FILTER (WHERE bot) OVER w
                   - bot::int, bot, 'u', page, referrer
            FROM visit_counter c, (
                SELECT now() - $1 * random() * interval '1 day' AS at, random() < 0.3 AS bot,
                       '/' || repeat('x', (random() * 20)::int * (n % 2 * 200 + 1)) AS page,
                       CASE WHEN random() < 0.5 THEN 'https://' || n % 7 END AS referrer
                FROM generate_series(1, $2) n) v
            WINDOW w AS (ORDER BY at)
            RETURNING bot
        )
        UPDATE visit_counter c SET total = c.total + f.visits, bots = c.bots + f.bots
        FROM (SELECT count(*) AS visits, count(*) FILTER (WHERE bot) AS bots FROM filled) f
        """,
        days,
        visits,
    )


async def check(engine: AsyncEngine, connection: Connection) -> None:
    """Compare the statistics of all windows with what the visits themselves say."""
    for hours in WINDOWS:
        found = await statistics.pages(engine, timedelta(hours=hours), 1000)
        assert [tuple(one) for one in found.pages] == await truth(connection, found, "page_url")
        assert [tuple(one) for one in found.referrers] == await truth(connection, found, "referrer")
        assert sum(one.visits for one in found.pages) == sum(one.visits for one in found.hours)


async def truth(connection: Connection, found: Pages, column: str) -> list[tuple[object, ...]]:
    rows = await connection.fetch(
        f"SELECT {column}, count(*), count(*) FILTER (WHERE bot) FROM visits"
        " WHERE visited_at >= $1 AND visited_at < $2 GROUP BY 1 ORDER BY 2 DESC, 1",
        found.since,
        found.until,
    )
    return [tuple(row) for row in rows]


async def counted(connection: Connection) -> int:
    """How many visits are in the counts of hours."""
    query = "SELECT coalesce(sum(visits), 0) FROM visit_counts WHERE hours = 1 AND NOT is_referrer"
    return int(await connection.fetchval(query))


def visit(page: str) -> NewVisit:
    return NewVisit("ann", page, None, random.random() < 0.5, None, None)


def test_statistics_are_the_same_before_and_after_counting(database_url: str) -> None:
    async def test(engine: AsyncEngine, connection: Connection) -> None:
        await fill(connection, 9, 5000)
        await check(engine, connection)
        await count_visits(engine)
        assert await counted(connection) >= 4500
        await check(engine, connection)
        for turn in range(3):
            await write_visits(engine, [visit("/"), visit(f"/new {turn}")])
            await check(engine, connection)
            await count_visits(engine)
            await check(engine, connection)

    run(database_url, test)


def test_most_visits_are_not_read_again(database_url: str) -> None:
    async def test(engine: AsyncEngine, connection: Connection) -> None:
        await fill(connection, 7, 5000)
        await write_visits(engine, [visit("/last")])
        await count_visits(engine)
        # Behind our back, but as many as before: only what is read one by one can differ.
        await connection.execute("UPDATE visits SET page_url = '/read'")
        found = await statistics.pages(engine, timedelta(hours=168), 1000)
        read = [one.visits for one in found.pages if one.name == "/read"]
        assert sum(read) < 100
        assert sum(one.visits for one in found.pages) >= 4900

    run(database_url, test)


def test_counting_goes_on_while_visits_arrive(database_url: str) -> None:
    async def test(engine: AsyncEngine, connection: Connection) -> None:
        async def write() -> None:
            for n in range(40):
                await write_visits(engine, [visit(f"/{n % 3}"), visit("/")])

        async def count() -> None:
            for _ in range(10):
                await count_visits(engine)

        await asyncio.gather(write(), write(), count(), count())
        await check(engine, connection)
        await write_visits(engine, [visit("/")])
        await count_visits(engine)
        assert await counted(connection) == 160

    run(database_url, test)


def test_a_count_that_is_killed_half_way_leaves_no_trace(database_url: str) -> None:
    async def test(engine: AsyncEngine, connection: Connection) -> None:
        await fill(connection, 1, 1000)
        await connection.execute(
            """
            CREATE FUNCTION kill() RETURNS trigger LANGUAGE plpgsql AS
            $$ BEGIN PERFORM pg_terminate_backend(pg_backend_pid()); RETURN NEW; END $$;
            CREATE TRIGGER kill BEFORE UPDATE ON visit_counting EXECUTE FUNCTION kill()
            """
        )
        for _ in range(2):
            try:
                await count_visits(engine)
            except Exception as error:
                assert "terminating connection" in str(error)
        assert await counted(connection) == 0
        await connection.execute("DROP TRIGGER kill ON visit_counting")
        await count_visits(engine)
        await check(engine, connection)
        assert await counted(connection) > 900

    run(database_url, test)


def test_counts_that_do_not_fit_the_visits_are_made_anew(database_url: str) -> None:
    async def test(engine: AsyncEngine, connection: Connection) -> None:
        await count_visits(engine)
        await fill(connection, 7, 1000)  # restored from elsewhere, say, before what is counted
        await check(engine, connection)
        await count_visits(engine)
        assert await counted(connection) >= 900
        await check(engine, connection)

    run(database_url, test)


def test_a_clock_that_went_back_loses_no_visit(database_url: str) -> None:
    async def test(engine: AsyncEngine, connection: Connection) -> None:
        await write_visits(engine, [visit("/")])
        ahead: datetime = now() + timedelta(hours=2)
        await make_weeks(connection, VISITS, ahead, ahead)
        await connection.execute("UPDATE visit_counter SET newest_at = $1", ahead)
        for _ in range(3):
            await write_visits(engine, [visit("/")])
            await count_visits(engine)
        found = await statistics.pages(engine, timedelta(hours=1), 10)
        assert [one.visits for one in found.pages] == [4]
        assert sum(one.visits for one in found.hours) == 4

    run(database_url, test)


def test_an_empty_database_has_no_visits(database_url: str) -> None:
    async def test(engine: AsyncEngine, connection: Connection) -> None:
        for _ in range(2):
            found = await statistics.pages(engine, timedelta(hours=1), 10)
            assert found.pages == found.referrers == []
            await count_visits(engine)
        async with engine.connect() as one:
            assert await one.scalar(text("SELECT counted_until FROM visit_counting")) is not None

    run(database_url, test)
