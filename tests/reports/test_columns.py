"""Reading slices from a real database."""

import asyncio
from datetime import UTC, date, datetime

import asyncpg
import numpy as np

from openhours.reports.columns import read_slice
from openhours.reports.slices import Slice
from openhours.stores.tables import BEATING, POLLED
from openhours.times import to_days, to_us
from openhours.uptime.dates import ALWAYS, CLOSED, EVERY, SpecialHours, WeekHours
from tests.helpers.seed import week_of_polls

START = datetime(2023, 1, 16, tzinfo=UTC)
DAY = 86_400_000_000
STORES = 40


def test_slices_are_read_sorted_and_planned_each_for_its_own_stores(database_url: str) -> None:
    """A plan for any slice would take the key and read whole weeks: five times as long at 36 M."""

    async def scenario() -> None:
        connection = await asyncpg.connect(database_url)
        # Where hours are not of equal length.
        await connection.execute("SET timezone = 'America/New_York'")
        for statement in week_of_polls(STORES, 100, "1 hour", "(n + s) % 3 > 0"):
            await connection.execute(statement)
        for first in range(1, STORES + 1, 5):
            part = Slice(POLLED, to_us(START) + 3 * DAY, 3 * DAY, first, first + 4, None, "UTC")
            async with connection.transaction():
                found = (await read_slice(connection, part)).observations
            hours = np.tile(np.arange(73), 5)
            store = np.repeat(np.arange(5), 73)
            assert found.store.tolist() == store.tolist()
            assert found.at.tolist() == (to_us(START) + hours * DAY // 24).tolist()
            assert found.active.tolist() == ((hours + store + first) % 3 > 0).tolist()
        plans = await connection.fetch(
            "SELECT generic_plans, custom_plans FROM pg_prepared_statements"
            " WHERE statement LIKE '%GROUP BY store%' AND generic_plans + custom_plans > 1"
        )
        assert [tuple(row) for row in plans] == [(0, STORES // 5)]
        await connection.close()

    asyncio.run(scenario())


def test_a_slice_of_listed_stores_has_their_hours_and_zones(database_url: str) -> None:
    async def scenario() -> None:
        connection = await asyncpg.connect(database_url)
        for statement in week_of_polls(4, 2, "1 hour", "true"):
            await connection.execute(statement)
        await connection.execute("UPDATE stores SET timezone = 'Asia/Tokyo' WHERE id = 4")
        await connection.execute(
            "UPDATE stores SET first_observed_at = '2023-01-30 00:00+00' WHERE id = 3"  # after T
        )
        await connection.execute(
            "INSERT INTO business_hours (store, day, opens, closes)"
            " VALUES (1, 0, 0, 1), (2, 5, 10, 20), (3, 0, 0, 1), (4, 6, 30, 40)"
        )
        part = Slice(POLLED, to_us(START) + DAY, DAY, 2, 4, [2, 3, 4], "Europe/Paris")
        async with connection.transaction():
            found = await read_slice(connection, part)
        await connection.close()
        assert found.ids.tolist() == [2, 4]
        assert [found.zones[zone] for zone in found.zone] == ["Europe/Paris", "Asia/Tokyo"]
        assert found.first_observed.tolist() == [to_us(START)] * 2
        columns = (found.hours.store, found.hours.day, found.hours.opens, found.hours.closes)
        rows = sorted(zip(*(column.tolist() for column in columns), strict=True))
        assert rows == [(0, 5, 10, 20), (1, 6, 30, 40)]
        assert found.observations.store.tolist() == [0, 0, 1, 1]

    asyncio.run(scenario())


def test_hours_have_their_versions_and_special_dates_those_of_every_polled_store(
    database_url: str,
) -> None:
    async def scenario() -> None:
        connection = await asyncpg.connect(database_url)
        for statement in week_of_polls(3, 2, "1 hour", "true"):
            await connection.execute(statement)
        await connection.execute("UPDATE stores SET feed = 'beating' WHERE id = 3")
        await connection.execute(
            "INSERT INTO business_hours VALUES (2, 0, 1, 2, '-infinity'),"
            " (2, 0, 3, 4, '2023-01-10'), (2, 1, -1, -1, '1999-12-31')"
        )
        await connection.execute(
            "INSERT INTO special_hours VALUES (0, '2023-01-16', 5, 6), (2, '2023-01-17', -1, -1),"
            " (1, '2023-01-16', 1, 2), (3, '2023-01-15', 7, 8),"
            " (0, '2022-12-25', 5, 6), (2, '2023-02-01', 5, 6)"  # nowhere near
        )
        found = []
        for feed, store in ((POLLED, 2), (BEATING, 3)):
            part = Slice(feed, to_us(START) + DAY, DAY, store, store, None, "UTC")
            async with connection.transaction():
                found.append(await read_slice(connection, part))
        await connection.close()
        polled, beating = found
        assert rows_of(polled.hours) == [
            (0, 0, 1, 2, ALWAYS),
            (0, 0, 3, 4, to_days(date(2023, 1, 10))),
            (0, 1, CLOSED, CLOSED, to_days(date(1999, 12, 31))),
        ]
        monday = to_days(date(2023, 1, 16))
        assert rows_of(polled.special) == [
            (EVERY, monday, 5, 6),
            (0, monday + 1, CLOSED, CLOSED),
        ]
        assert rows_of(beating.special) == [(0, monday - 1, 7, 8)]

    asyncio.run(scenario())


def rows_of(columns: WeekHours | SpecialHours) -> list[tuple[int, ...]]:
    return sorted(zip(*(column.tolist() for column in vars(columns).values()), strict=True))
