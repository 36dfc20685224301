"""New weeks are filled in transactions of their own; all of a file is seen at once, or nothing."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import asyncpg
import numpy as np
import pytest

from openhours.db.engine import DATABASE_AWAY, is_database_away
from openhours.db.weekly import week_of
from openhours.errors import Unavailable
from openhours.ingestion import new_weeks
from openhours.ingestion.ingest import LOCK
from openhours.ingestion.job import MAX_ATTEMPTS
from openhours.ingestion.retention import drop_new_weeks
from openhours.process_pool import Processes
from openhours.reports.slices import Slice, read_observations
from openhours.stores.packs import Polls
from openhours.stores.tables import OBSERVATIONS, POLLED
from openhours.times import DAY, from_us
from tests.helpers.database import fetch, on_engine, until_one_waits
from tests.ingestion.loader import Loader
from tests.stores.polls import START, Connection, load, load_and_roll_back, with_connection

pytestmark = pytest.mark.slow

NEW = r"SELECT relname FROM pg_class WHERE relkind = 'r' AND relname LIKE 'observations%\_new\_%'"
# Three weeks: one more than are worked at together.
ROWS = [(store, week * 7 * 24 + store, True) for week in range(3) for store in range(4)]
POLLS = Polls(np.array([1]), np.array([START]), np.array([True]))


def partitions(url: str) -> list[object]:
    parent = "'observations'::regclass"
    query = (
        f"SELECT inhrelid::regclass::text FROM pg_inherits WHERE inhparent = {parent} ORDER BY 1"
    )
    return [name for (name,) in fetch(url, query)]


def test_a_file_of_many_weeks_is_loaded_whole(loader: Loader) -> None:
    text = "store_id,timestamp_utc,status\n"
    days = range(0, 100, 2)
    for day in days:
        text += f"a,{from_us(START + day * DAY):%Y-%m-%d %H:%M:%S} UTC,active\n"
    assert loader.load(text) == (50, 50, 0, 0)
    assert len(loader.stored()) == 50
    assert fetch(loader.url, NEW) == []
    assert loader.load(text + "a,2023-01-18 10:00:00 UTC,inactive\n", "more.csv") == (51, 1, 50, 0)


def test_of_a_file_that_is_rolled_back_nothing_is_seen_and_the_next_one_clears_up(
    database_url: str,
) -> None:
    async def scenario(connection: Connection) -> None:
        await load_and_roll_back(connection, database_url, ROWS)
        assert await connection.fetchval("SELECT count(*) FROM observations") == 0
        assert len(await connection.fetch(NEW)) == 3, "they were committed"
        async with connection.transaction():
            await load(connection, database_url, ROWS[:4])
        assert await connection.fetchval("SELECT count(*) FROM observations") == 4
        assert await connection.fetch(NEW) == []

    with_connection(database_url, scenario)
    assert partitions(database_url) == ["observations_20230116"]


def test_what_a_file_left_is_dropped_but_not_while_one_is_loaded(
    database_url: str,
) -> None:
    async def leave(connection: Connection) -> None:
        await load_and_roll_back(connection, database_url, ROWS)

    async def look_while_one_is_loaded(connection: Connection) -> None:
        await connection.execute("SELECT pg_advisory_lock($1)", LOCK)
        await asyncio.to_thread(on_engine, database_url, drop_new_weeks)
        assert len(await connection.fetch(NEW)) == 3

    with_connection(database_url, leave)
    with_connection(database_url, look_while_one_is_loaded)
    on_engine(database_url, drop_new_weeks)
    assert fetch(database_url, NEW) == []


@asynccontextmanager
async def report_from_before(
    connection: Connection, url: str, new: int
) -> AsyncIterator[Connection]:
    """Load ROWS; yield a connection whose snapshot is of before the commit, with `new` tables."""
    transaction = connection.transaction()
    await transaction.start()
    await load(connection, url, ROWS)
    report = await asyncpg.connect(url)
    async with report.transaction(isolation="repeatable_read"):
        assert len(await report.fetch(NEW)) == new, "its snapshot has the tables"
        await transaction.commit()
        yield report
    await report.close()


async def polls_read(connection: Connection) -> int:
    part = Slice(POLLED, START + 30 * DAY, 30 * DAY, 1, 100, None, "UTC")
    return len((await read_observations(connection, part, np.arange(1, 100))).at)


def test_a_report_that_began_before_the_file_was_loaded_sees_nothing_of_it(
    database_url: str,
) -> None:
    async def scenario(connection: Connection) -> None:
        async with report_from_before(connection, database_url, new=3) as report:
            # By themselves the rows are seen: the tables are partitions now.
            assert await report.fetchval("SELECT count(*) FROM observations") == len(ROWS)
            assert await polls_read(report) == 0
        async with connection.transaction():
            assert await polls_read(connection) == len(ROWS)

    with_connection(database_url, scenario)


def test_a_report_sees_nothing_of_a_file_in_days_that_are_known_without_their_week(
    database_url: str,
) -> None:
    async def scenario(connection: Connection) -> None:
        # Somebody has dropped the week of rows that were changed by hand.
        await connection.execute("INSERT INTO observation_days VALUES ('2023-01-18', false)")
        async with report_from_before(connection, database_url, new=2) as report:
            assert await polls_read(report) == 0
        async with connection.transaction():
            assert await polls_read(connection) == len(ROWS)

    with_connection(database_url, scenario)


def test_a_migration_waits_for_a_file_that_brings_a_week(database_url: str) -> None:
    async def scenario(connection: Connection) -> None:
        migration = await asyncpg.connect(database_url)
        async with connection.transaction():
            assert await OBSERVATIONS.is_missing(connection, week_of(START))
            altering = asyncio.create_task(
                migration.execute("ALTER TABLE observations ADD COLUMN more int")
            )
            await until_one_waits(database_url)
        await altering
        await migration.execute("ALTER TABLE observations DROP COLUMN more")
        await migration.close()

    with_connection(database_url, scenario)


def test_a_file_waits_while_its_table_is_locked(loader: Loader) -> None:
    text = "store_id,timestamp_utc,status\na,2023-01-18 10:00:00 UTC,active\n"

    async def load_while_it_is_locked() -> tuple[int, int, int, int]:
        other = await asyncpg.connect(loader.url)
        async with other.transaction():
            await other.execute("LOCK TABLE observations IN ACCESS EXCLUSIVE MODE")
            loading = asyncio.create_task(asyncio.to_thread(loader.load, text))
            await until_one_waits(loader.url)
        await other.close()
        return await loading

    assert asyncio.run(load_while_it_is_locked()) == (1, 1, 0, 0)


def test_a_file_that_gave_way_is_loaded_again_and_no_attempt_is_counted(loader: Loader) -> None:
    class GivesWay(Processes):
        async def run(self, *_: object) -> Any:
            raise Unavailable("observations is locked: try again")

    path = loader.place / "polls.csv"
    path.write_text("store_id,timestamp_utc,status\na,2023-01-18 10:00:00 UTC,active\n")
    pk = loader.add(path).pk
    busy = Loader(loader.settings, GivesWay(1))
    for _ in range(MAX_ATTEMPTS + 1):
        with pytest.raises(Unavailable):
            busy.run(pk)
    assert [tuple(row) for row in loader.fetch("SELECT state, attempt FROM ingestions")] == [
        ("queued", 0)
    ]
    assert loader.run(pk)["state"] == "complete"


def test_a_connection_that_ends_while_a_week_is_filled_ends_the_file(database_url: str) -> None:
    async def scenario(connection: Connection) -> None:
        with pytest.raises(DATABASE_AWAY):
            async with new_weeks.new_weeks(database_url) as weeks:
                week = await weeks.begin(week_of(START))
                await connection.fetch(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                    " WHERE query LIKE 'CREATE TABLE%' AND datname = current_database()"
                )
                await week.add(POLLS)

    with_connection(database_url, scenario)
    assert fetch(database_url, NEW) == []


@pytest.mark.parametrize("weeks_after", [0, 3])
def test_a_week_that_cannot_get_its_key_ends_the_file(database_url: str, weeks_after: int) -> None:
    async def scenario(connection: Connection) -> None:
        first = week_of(START)
        with pytest.raises(asyncpg.UniqueViolationError):
            async with asyncio.timeout(20), new_weeks.new_weeks(database_url) as weeks:
                for _ in range(2):  # as many as are worked at together
                    twice = await weeks.begin(first)
                    await twice.add(POLLS)
                    await twice.add(POLLS)
                    weeks.end(twice)
                for week in range(first + 1, first + 1 + weeks_after):
                    weeks.end(await weeks.begin(week))
                await weeks.attach(connection)

    with_connection(database_url, scenario)
    assert partitions(database_url) == []


def test_a_migration_that_waits_for_a_file_does_not_stop_it_for_ever(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(new_weeks, "_LOCK_TIMEOUT", "SET LOCAL lock_timeout = '300ms'")

    async def scenario(connection: Connection) -> None:
        await OBSERVATIONS.ensure(connection, week_of(START))
        migration = await asyncpg.connect(database_url)
        transaction = connection.transaction()
        await transaction.start()
        # The file has written to a week, which the migration wants, too.
        await load(connection, database_url, ROWS[:4])
        altering = asyncio.create_task(
            migration.execute("ALTER TABLE observations ADD COLUMN more int")
        )
        await until_one_waits(database_url)
        with pytest.raises(Exception, match="observations is locked: try again") as caught:
            async with asyncio.timeout(20):
                await load(connection, database_url, ROWS[4:])
        assert is_database_away(caught.value), "the worker tries it again"
        await transaction.rollback()
        await asyncio.wait_for(altering, 20)
        await migration.execute("ALTER TABLE observations DROP COLUMN more")
        await migration.close()

    with_connection(database_url, scenario)
