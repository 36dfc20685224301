"""A partition is read in its report's snapshot, wherever it is computed."""

import asyncio
from datetime import UTC, datetime

import asyncpg
import pytest

from openhours.reports.filling import FillRules, fill_rules_of
from openhours.reports.inputs import Cuts
from openhours.reports.partition import Partition, PartitionFigures, compute_partition
from openhours.reports.slices import Slice
from openhours.settings import Settings
from openhours.stores.tables import POLLED
from openhours.times import DAY, HOUR, MINUTE, SECOND, to_us
from openhours.uptime.windows import DEFAULT_WINDOWS
from tests.helpers.seed import week_of_polls
from tests.reports.database import new_report

AS_OF = datetime(2023, 1, 17, tzinfo=UTC)
LATE_POLL = "INSERT INTO observations VALUES (1, '2023-01-16 12:30+00', false)"


def in_snapshot(url: str, compute_at: str | None) -> PartitionFigures:
    """Figures of two stores that are up all day, computed while a late poll comes in."""

    async def scenario() -> PartitionFigures:
        connection = await asyncpg.connect(url)
        other = await asyncpg.connect(url)
        for statement in week_of_polls(2, 24, "1 hour", "true"):
            await connection.execute(statement)
        async with connection.transaction(isolation="repeatable_read"):
            snapshot = await connection.fetchval("SELECT pg_export_snapshot()")
            await other.execute(LATE_POLL)
            part = Slice(POLLED, to_us(AS_OF), 14 * DAY, 1, 2, None, "UTC")
            rules = FillRules("nearest", HOUR, 150 * SECOND)
            cuts = Cuts([part.as_of - part.lookback, part.as_of + 1], [])
            partition = Partition(
                part, snapshot, rules, DEFAULT_WINDOWS, None, None, None, outages=True, cuts=cuts
            )
            found = await asyncio.to_thread(compute_partition, compute_at, partition)
        await connection.close()
        await other.close()
        return found

    return asyncio.run(scenario())


def check(found: PartitionFigures) -> None:
    assert found.feed == POLLED
    assert found.store_ids.tolist() == [1, 2]
    assert found.figures.up[1].tolist() == [DAY, DAY], "the late poll is not in the snapshot"
    assert found.by_hour.shape == (2, 168)
    assert found.outages is not None
    assert len(found.outages.found.store) == 0
    assert found.by_hour[:, -24:].tolist() == [[2 * HOUR] * 24] * 2


def test_a_partition_is_computed_at_the_given_url(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgresql://nowhere.invalid/none")
    check(in_snapshot(database_url, database_url))


def test_without_a_url_the_process_reads_its_own_database(
    settings: Settings, database_url: str
) -> None:
    del settings  # they name the database in this process's environment
    check(in_snapshot(database_url, None))


def test_the_rules_are_those_that_the_report_was_triggered_with() -> None:
    report = new_report(
        interpolation="previous", observed_within_minutes=30, heartbeat_expiry_seconds=90
    )
    assert fill_rules_of(report) == FillRules("previous", 30 * MINUTE, 90 * SECOND)
