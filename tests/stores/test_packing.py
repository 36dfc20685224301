"""Whoever packs a day, loads a file or writes by hand meanwhile: packs are the rows."""

import asyncio
from datetime import date

import asyncpg
import numpy as np
import pytest

from openhours.db.weekly import week_of
from openhours.reports.slices import Slice, read_observations
from openhours.stores import packs
from openhours.stores.tables import OBSERVATIONS, POLLED
from openhours.times import DAY, HOUR
from tests.helpers.database import until_one_waits
from tests.stores.polls import (
    START,
    STORES,
    Connection,
    insert,
    load,
    load_alone,
    state,
    with_connection,
)

pytestmark = pytest.mark.slow


def test_rows_that_are_inserted_by_hand_while_a_file_brings_the_first_ones_of_their_day_are_packed(
    database_url: str,
) -> None:
    async def scenario(connection: Connection) -> None:
        await OBSERVATIONS.ensure(connection, week_of(START))
        other = await asyncpg.connect(database_url)
        inserting = other.transaction()
        await inserting.start()
        await insert(other, 2, 2, True)
        loading = asyncio.create_task(load_alone(connection, database_url, [(1, 1, True)]))
        await until_one_waits(database_url)
        await inserting.commit()
        await loading
        await other.close()
        assert await packs.pack_each(connection) == 1
        await connection.execute("TRUNCATE observations_20230116")  # no trigger: packs are read
        part = Slice(POLLED, START + DAY, DAY, 1, STORES, None, "UTC")
        async with connection.transaction():
            found = await read_observations(connection, part, np.arange(1, STORES + 1))
        assert found.at.tolist() == [START + HOUR, START + 2 * HOUR]

    with_connection(database_url, scenario)


def test_polls_that_are_added_while_their_day_is_packed_are_in_its_packs_once(
    database_url: str,
) -> None:
    async def scenario(connection: Connection) -> None:
        other = await asyncpg.connect(database_url)
        for rows in [(0, 1, True)], [(0, 1, False)]:
            async with connection.transaction():
                await load(connection, database_url, rows)
        packing = other.transaction()
        await packing.start()
        await packs.pack_each(other)
        adding = asyncio.create_task(load_alone(connection, database_url, [(0, 2, True)]))
        await until_one_waits(database_url)
        await packing.commit()
        await adding
        await compare_one(connection, [1, 2])
        await other.close()

    with_connection(database_url, scenario)
    assert state(database_url) == [("2023-01-18", True)]


def test_who_packs_a_day_and_who_changes_it_wait_for_each_other(database_url: str) -> None:
    """Else a pack of rows as they were before the change would be taken for the newest."""

    async def scenario(connection: Connection) -> None:
        other = await asyncpg.connect(database_url)
        for rows in [(0, 1, True)], [(0, 2, False)], [(0, 2, True)]:
            async with connection.transaction():
                await load(connection, database_url, rows)
        assert await connection.fetchval("SELECT NOT packed FROM observation_days")
        # Its rows are there, but not committed; somebody packs what there is.
        changing = connection.transaction()
        await changing.start()
        await load(connection, database_url, [(0, 3, False)])
        packing = asyncio.create_task(packs.pack_each(other))
        await until_one_waits(database_url)
        await changing.commit()
        await packing
        await compare_one(connection, [1, 2, 3])
        await packs.pack_each(other)
        # The other way round: the day is being packed.
        locked = other.transaction()
        await locked.start()
        await other.fetch("SELECT FROM observation_days FOR UPDATE")
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(load_alone(connection, database_url, [(0, 4, True)]))
            await until_one_waits(database_url)
            await locked.commit()
        await compare_one(connection, [1, 2, 3, 4])
        await other.close()

    with_connection(database_url, scenario)


async def compare_one(connection: Connection, hours: list[int]) -> None:
    ids = np.array([1])
    part = Slice(POLLED, START + DAY, DAY, 1, 1, None, "UTC")
    async with connection.transaction():
        found = await read_observations(connection, part, ids)
    assert found.at.tolist() == [START + hour * HOUR for hour in hours]


def test_each_day_is_packed_once_also_if_it_is_changed_again_at_once(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else somebody who writes all the time would keep others from it for ever."""
    pack = packs._pack

    async def pack_and_change(connection: Connection, day: date) -> bool:
        packed = await pack(connection, day)
        await connection.execute("UPDATE observations SET active = NOT active")
        return packed

    async def scenario(connection: Connection) -> None:
        async with connection.transaction():
            await load(connection, database_url, [(0, 1, True), (1, 25, False)])
        await connection.execute("UPDATE observations SET active = false")
        monkeypatch.setattr(packs, "_pack", pack_and_change)
        assert await packs.pack_each(connection) == 2

    with_connection(database_url, scenario)


def test_a_day_that_somebody_changes_for_long_is_left_out(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(packs, "_DAY_TIMEOUT", "50ms")

    async def scenario(connection: Connection) -> None:
        other = await asyncpg.connect(database_url)
        async with connection.transaction():
            await load(connection, database_url, [(0, 1, True), (1, 25, False)])
        await connection.execute("UPDATE observations SET active = false")
        async with other.transaction():
            await other.execute("UPDATE observations SET active = true WHERE store = 2")
            assert await packs.pack_each(connection) == 1
        assert await packs.pack_each(connection) == 1
        await other.close()

    with_connection(database_url, scenario)
    assert state(database_url) == [("2023-01-18", True), ("2023-01-19", True)]
