"""How stores are divided into partitions."""

from datetime import UTC, datetime

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from openhours.reports.inputs import plan_inputs
from openhours.reports.partition import Partition
from openhours.reports.plan import plan_partitions, stores_a_partition
from openhours.stores.tables import BEATING, POLLED
from openhours.times import DAY, to_us
from tests.helpers.database import fetch, on_engine
from tests.helpers.seed import week_of_polls
from tests.reports.database import new_report

AS_OF = datetime(2023, 1, 20, tzinfo=UTC)


@pytest.mark.parametrize(
    ("stores", "observations", "parallelism", "size"),
    [
        (0, 0, 4, 1),
        (1, 10, 4, 1),
        (500, 10, 4, 500),  # too few stores to share
        (501, 10, 4, 126),  # one round of four
        (6_700, 2_200_000, 2, 1_675),  # four partitions: two rounds of two
        (6_700, 2_200_000, 3, 1_117),  # six, for a whole number of rounds
        (100_000, 0, 1, 20_000),  # never more stores than this
        (60, 10**9, 1, 60),  # never fewer than fifty
    ],
)
def test_partitions_fit_into_memory_and_keep_all_processes_busy(
    stores: int, observations: int, parallelism: int, size: int
) -> None:
    assert stores_a_partition(stores, observations, parallelism) == size


def seed(url: str, stores: int) -> None:
    for statement in week_of_polls(stores, 24, "1 hour", "true"):
        fetch(url, statement + (" RETURNING 1" if "INSERT" in statement else ""))
    fetch(
        url,
        "INSERT INTO stores (store_id, feed, first_observed_at) VALUES"
        " ('pc:joe', 'beating', '2023-01-18'), ('pc:new', 'beating', '2023-02-01'),"
        " ('hours-only', NULL, NULL) RETURNING 1",
    )


def plan(url: str, parallelism: int, **options: object) -> list[Partition]:
    async def scenario(engine: AsyncEngine) -> list[Partition]:
        async with engine.connect() as connection:
            report = new_report(as_of_beating=AS_OF, **options)
            report.inputs = await plan_inputs(connection, report)
            return await plan_partitions(connection, report, parallelism)

    return on_engine(url, scenario)


def test_every_store_observed_by_then_is_in_one_partition_of_its_feed(database_url: str) -> None:
    seed(database_url, 600)
    partitions = plan(database_url, 4, as_of_polled=AS_OF)
    polled = [one.slice for one in partitions if one.slice.feed == POLLED]
    assert [(part.first, part.last) for part in polled] == [
        (1, 150),
        (151, 300),
        (301, 450),
        (451, 600),
    ]
    assert {(part.as_of, part.lookback, part.only) for part in polled} == {
        (to_us(AS_OF), 14 * DAY, None)
    }
    (beating,) = (one.slice for one in partitions if one.slice.feed == BEATING)
    assert (beating.first, beating.last) == (601, 601), "pc:new has no heartbeat by then"
    assert len({one.snapshot for one in partitions}) == 1


def test_only_the_named_stores_are_read(database_url: str) -> None:
    seed(database_url, 600)
    (partition,) = plan(database_url, 4, as_of_polled=AS_OF, stores=[3, 500, 602])
    assert list(partition.slice.only or ()) == [3, 500]


def test_without_polls_there_are_no_polled_stores(database_url: str) -> None:
    seed(database_url, 60)
    (partition,) = plan(database_url, 4)
    assert partition.slice.feed == BEATING
