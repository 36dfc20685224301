"""Polls merge by store and instant, whoever else writes them."""

import asyncio

import asyncpg
import pytest

from openhours.db.engine import is_database_away
from tests.helpers.database import until_one_waits
from tests.ingestion.loader import Loader

pytestmark = pytest.mark.slow

HEADER = "store_id,timestamp_utc,status\n"


def test_polls_that_somebody_else_is_just_writing_are_merged(loader: Loader) -> None:
    """They cannot be seen yet, and are later than all that can be seen."""
    loader.load(HEADER + "a,2023-01-18 10:00:00 UTC,active\nb,2023-01-18 11:30:00 UTC,active\n")
    file = "a,2023-01-18 12:00:00 UTC,inactive\nb,2023-01-18 12:00:00 UTC,active\n"

    async def load_meanwhile() -> tuple[int, int, int, int]:
        other = await asyncpg.connect(loader.url)
        transaction = other.transaction()
        await transaction.start()
        await other.execute(
            "INSERT INTO observations (store, observed_at, active)"
            " SELECT id, '2023-01-18 12:00+00', true FROM stores WHERE store_id = 'a'"
        )
        loading = asyncio.create_task(asyncio.to_thread(loader.load, HEADER + file, "hour.csv"))
        await until_one_waits(loader.url)
        await transaction.commit()
        await other.close()
        return await loading

    assert asyncio.run(load_meanwhile()) == (2, 2, 0, 0)
    assert {row for row in loader.stored() if "T12" in row[1]} == {
        ("a", "2023-01-18T12:00:00+00:00", False),
        ("b", "2023-01-18T12:00:00+00:00", True),
    }
    # The other one has marked the day: reports read its rows until it is packed again.
    assert [row["packed"] for row in loader.fetch("SELECT packed FROM observation_days")] == [False]


def test_after_a_deadlock_with_somebody_else_the_file_is_loaded_again(loader: Loader) -> None:
    rows = "a,2023-01-16 01:00:00 UTC,{0}\na,2023-01-17 01:00:00 UTC,{0}\n"
    loader.load(HEADER + rows.format("active"))
    path = loader.place / "corrected.csv"
    path.write_text(HEADER + rows.format("inactive"))
    pk = loader.add(path).pk
    change = "UPDATE observations SET active = true WHERE observed_at = '2023-01-{} 01:00+00'"

    async def change_the_days_in_another_order() -> None:
        other = await asyncpg.connect(loader.url)
        async with other.transaction():
            await other.execute(change.format(17))
            loading = asyncio.create_task(asyncio.to_thread(loader.run, pk))
            await until_one_waits(loader.url)
            # PostgreSQL ends the one that has waited longer: the file.
            await other.execute(change.format(16))
        await other.close()
        with pytest.raises(asyncpg.DeadlockDetectedError) as caught:
            await loading
        assert is_database_away(caught.value), "the worker tries it again"

    asyncio.run(change_the_days_in_another_order())
    assert loader.run(pk)["state"] == "complete"
    assert {active for _, _, active in loader.stored()} == {False}
