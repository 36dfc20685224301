"""Polls merge by store and instant, whoever else writes them."""

import asyncio

import asyncpg
import pytest

from tests.helpers.waiting import wait_for
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
        waiting = (
            "SELECT FROM pg_stat_activity"
            " WHERE wait_event_type = 'Lock' AND datname = current_database()"
        )
        await asyncio.to_thread(wait_for, lambda: bool(loader.fetch(waiting)))
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
