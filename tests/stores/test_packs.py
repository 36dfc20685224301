"""Reports read packs of polls: whatever was written, in whatever order, they are the rows."""

import asyncio
from typing import Any

import asyncpg
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from openhours.db.engine import make_engine, migrate
from openhours.db.weekly import week_of
from openhours.reports.slices import Slice, read_observations
from openhours.settings import Settings
from openhours.stores import packs
from openhours.stores.retention import prune_observations
from openhours.stores.tables import OBSERVATIONS, POLLED
from openhours.times import DAY, HOUR, from_us, now
from tests.helpers.database import downgrade, fetch
from tests.helpers.seed import week_of_polls
from tests.stores.polls import (
    START,
    STORES,
    Connection,
    insert,
    load,
    load_and_roll_back,
    state,
    with_connection,
)

pytestmark = pytest.mark.slow

DAYS = 8
# Database ids of the stores are in two blocks.
FIRST_ID = packs.BLOCK - STORES // 2
FIRST_WEEK = week_of(START)

polls = st.tuples(st.integers(0, STORES - 1), st.integers(0, DAYS * 24 - 1), st.booleans())
loads = st.tuples(st.just("load"), st.lists(polls, min_size=1, max_size=40))
steps = st.one_of(
    loads,
    st.tuples(st.just("pack"), st.none()),
    st.tuples(st.just("load and roll back"), st.lists(polls, min_size=1, max_size=10)),
    st.tuples(st.just("delete by hand"), st.integers(0, STORES - 1)),
    st.tuples(st.just("insert by hand"), polls),
    st.tuples(st.just("put off by hand"), st.integers(0, DAYS * 24 - 1)),
)


@pytest.mark.parametrize("listed", [False, True])
@settings(max_examples=15, deadline=None, suppress_health_check=[*HealthCheck])
@given(todo=st.lists(steps, min_size=1, max_size=8), back=st.integers(1, DAYS * 24 * HOUR))
def test_packs_and_rows_give_the_same_observations(
    database_url: str, monkeypatch: pytest.MonkeyPatch, listed: bool, todo: list[Any], back: int
) -> None:
    monkeypatch.setattr("openhours.reports.slices._BLOCKS_AT_ONCE", 1)
    monkeypatch.setattr("openhours.reports.slices._DAYS_AT_ONCE", 3)

    async def scenario(connection: Connection) -> None:
        for week in FIRST_WEEK, FIRST_WEEK + 1:
            await connection.execute(f"DROP TABLE IF EXISTS {OBSERVATIONS.name_of(week)}")
        await connection.execute(
            "TRUNCATE observations, observation_days, observation_packs, stores CASCADE;"
            f" ALTER TABLE stores ALTER COLUMN id RESTART WITH {FIRST_ID};"
            " INSERT INTO stores (store_id)"
            f" SELECT 's' || n FROM generate_series(0, {STORES - 1}) n"
        )
        stored: dict[tuple[int, int], bool] = {}
        for step, value in todo:
            if step == "load":
                async with connection.transaction():
                    await load(connection, database_url, value)
                stored |= {(store, START + at * HOUR): active for store, at, active in value}
            elif step == "load and roll back":
                await load_and_roll_back(connection, database_url, value)
            elif step == "pack":
                await packs.pack_each(connection)
            elif step == "insert by hand":
                store, at, active = value
                await OBSERVATIONS.ensure(connection, week_of(START + at * HOUR))
                await insert(connection, FIRST_ID + store, at, active)
                stored[store, START + at * HOUR] = active
            elif step == "put off by hand":
                # To the next day but one, whose rows make way.
                since, later = START + value * HOUR, 2 * DAY
                await OBSERVATIONS.ensure(connection, week_of(since + later))
                moved = {key: active for key, active in stored.items() if key[1] == since}
                await connection.execute(
                    "DELETE FROM observations WHERE observed_at = $1", from_us(since + later)
                )
                query = "UPDATE observations SET observed_at = $2 WHERE observed_at = $1"
                await connection.execute(query, from_us(since), from_us(since + later))
                stored = {
                    key: active
                    for key, active in stored.items()
                    if key[1] not in (since, since + later)
                } | {(store, at + later): active for (store, at), active in moved.items()}
            else:
                query = "DELETE FROM observations WHERE store = $1"
                await connection.execute(query, FIRST_ID + value)
                stored = {key: active for key, active in stored.items() if key[0] != value}
            await compare(connection, stored, listed, back)

    with_connection(database_url, scenario)


async def compare(
    connection: Connection, stored: dict[tuple[int, int], bool], listed: bool, back: int
) -> None:
    until = START + DAYS * DAY - 5 * HOUR
    only = [FIRST_ID, FIRST_ID + STORES - 1] if listed else None
    ids = np.array(only or range(FIRST_ID, FIRST_ID + STORES))
    part = Slice(POLLED, until, back, FIRST_ID, FIRST_ID + STORES - 1, only, "UTC")
    async with connection.transaction():
        found = await read_observations(connection, part, ids)
    wanted = sorted(
        (ids.tolist().index(FIRST_ID + store), at, active)
        for (store, at), active in stored.items()
        if until - back <= at <= until and FIRST_ID + store in ids
    )
    columns = (found.store.tolist(), found.at.tolist(), found.active.tolist())
    assert list(zip(*columns, strict=True)) == wanted


def test_a_day_is_packed_as_it_is_loaded_and_unpacked_by_what_changes_it(
    database_url: str,
) -> None:
    async def scenario(connection: Connection) -> None:
        async with connection.transaction():
            await load(connection, database_url, [(0, 1, True), (1, 25, False)])
        async with connection.transaction():
            await load(connection, database_url, [(0, 1, True), (1, 25, True), (1, 49, True)])

    with_connection(database_url, scenario)
    packed = [("2023-01-18", True), ("2023-01-19", False), ("2023-01-20", True)]
    assert state(database_url) == packed
    assert packs.pack_days(database_url) == 1
    assert state(database_url) == [(day, True) for day, _ in packed]
    assert packs.pack_days(database_url) == 0
    fetch(database_url, "UPDATE observations SET active = false WHERE store = 2")
    assert state(database_url) == [
        ("2023-01-18", True),
        ("2023-01-19", False),
        ("2023-01-20", False),
    ]
    later = "'2023-01-21 12:00+00'"
    fetch(database_url, f"UPDATE observations SET observed_at = {later} WHERE store = 1")
    assert state(database_url) == [(f"2023-01-{day}", False) for day in range(18, 22)]
    assert packs.pack_days(database_url) == 4
    fetch(database_url, f"INSERT INTO observations VALUES (3, {later}, true)")
    assert [day for day, packed in state(database_url) if not packed] == ["2023-01-21"]
    fetch(database_url, "TRUNCATE observations")
    assert state(database_url) == [(f"2023-01-{day}", False) for day in range(18, 22)]


def test_new_polls_of_a_packed_day_are_added_to_its_packs(database_url: str) -> None:
    async def scenario(connection: Connection) -> None:
        for rows in [(0, 5, True)], [(5, 7, False), (0, 7, True)], [(0, 6, False)]:
            async with connection.transaction():
                await load(connection, database_url, rows)
        ids = np.arange(1, STORES + 1)
        part = Slice(POLLED, START + DAY, DAY, 1, STORES, None, "UTC")
        async with connection.transaction():
            by_packs = await read_observations(connection, part, ids)
        await packs.note_changed(connection, START // DAY)
        async with connection.transaction():
            by_rows = await read_observations(connection, part, ids)
        assert by_packs.at.tolist() == by_rows.at.tolist()
        assert by_packs.active.tolist() == by_rows.active.tolist() == [True, False, True, False]

    with_connection(database_url, scenario)
    assert fetch(database_url, "SELECT sum(length(polls)) FROM observation_packs") == [(4 * 6,)]


def test_packs_are_a_few_bytes_a_poll(database_url: str) -> None:
    rows = [(store, at, True) for store in range(STORES) for at in range(24)]

    async def scenario(connection: Connection) -> None:
        async with connection.transaction():
            await load(connection, database_url, rows)

    with_connection(database_url, scenario)
    size = "SELECT sum(length(polls)) FROM observation_packs"
    assert fetch(database_url, size) == [(6 * len(rows),)]


def test_packs_go_before_their_weeks_do(settings: Settings, database_url: str) -> None:
    async def scenario(connection: Connection) -> None:
        async with connection.transaction():
            await load(connection, database_url, [(0, 1, True)])
        limits = settings.model_copy(update={"keep_days": 30})
        engine = make_engine(database_url)
        assert await prune_observations(engine, limits) == 1
        await engine.dispose()

    with_connection(database_url, scenario)
    assert from_us(START) < now()
    assert fetch(database_url, "SELECT FROM observation_packs") == []
    assert state(database_url) == []


def test_the_days_of_an_older_database_are_packed_by_a_worker(database_url: str) -> None:
    async def scenario() -> None:
        engine = make_engine(database_url)
        await downgrade(engine, "0015")
        connection = await asyncpg.connect(database_url)
        # Where days do not begin with those of UTC, nor have all the same length.
        await connection.execute("SET timezone = 'America/New_York'")
        for statement in week_of_polls(2, 2, "84 hours", "true"):
            await connection.execute(statement)
        await connection.close()
        await migrate(engine)
        await engine.dispose()

    asyncio.run(scenario())
    assert state(database_url) == [("2023-01-16", False), ("2023-01-19", False)]
    assert packs.pack_days(database_url) == 2
