"""The states of a report, and who may change them."""

from datetime import UTC, datetime

import numpy as np
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncEngine

from openhours.reports.inputs import Inputs
from openhours.reports.partition import PartitionFigures
from openhours.reports.queries import find_report, read_rows
from openhours.reports.tables import Report, ReportRow
from openhours.reports.trigger import trigger
from openhours.reports.write import (
    MAX_ATTEMPTS,
    begin_attempt,
    complete_report,
    fail_report,
    is_to_be_computed,
    note_progress,
    write_rows,
)
from openhours.settings import Settings
from openhours.stores.tables import POLLED
from openhours.uptime.totals import Figures
from tests.helpers.database import on_engine

BY_HOUR = {POLLED: np.zeros((2, 168), np.int64)}
TALLIES = {POLLED: np.ones((3, 30), np.int64)}
AS_OF = datetime(2023, 1, 20, tzinfo=UTC)


async def begin(engine: AsyncEngine, settings: Settings) -> Report:
    """The first attempt of a new report."""
    async with engine.begin() as connection:
        report_id = await trigger(connection, settings, as_of=AS_OF)
    report = await begin_attempt(engine, (await find_report(engine, report_id)).id)
    assert report is not None
    report.inputs = {POLLED: {"edges": [0, 1], "dates": []}}
    return report


async def complete(engine: AsyncEngine, report: Report, rows: int = 0) -> bool:
    async with engine.begin() as connection:
        return await complete_report(connection, report, rows, 0, BY_HOUR, TALLIES)


def figures(stores: int) -> Figures:
    """Each number another one."""
    numbers = np.arange(12 * stores).reshape(4, 3, stores)
    open_, up, observed, corrected = numbers
    known = np.arange(stores) % 2 == 0
    return Figures(open_, up, observed, corrected, known)


def figures_of(store_ids: list[int], *zones: str) -> PartitionFigures:
    """Of stores that are in these zones, or all in UTC."""
    return PartitionFigures(
        feed=POLLED,
        store_ids=np.array(store_ids),
        figures=figures(len(store_ids)),
        ranges=None,
        verdicts=None,
        unweighed=None,
        by_hour=BY_HOUR[POLLED],
        tallies=TALLIES[POLLED],
        zone=np.arange(len(store_ids)) % len(zones or ["UTC"]),
        zones=zones or ["UTC"],
        outages=None,
        inputs=Inputs(
            hours=np.zeros(len(store_ids), np.uint32),
            first_observed=np.zeros(len(store_ids), np.uint32),
            observations=np.zeros((len(store_ids), 1), np.uint32),
            special=np.zeros((len(store_ids), 0), np.uint32),
            corrections=np.zeros((len(store_ids), 0), np.bool_),
        ),
        corrections=[],
    )


def test_an_attempt_begins_runs_and_completes(settings: Settings, database_url: str) -> None:
    async def scenario(engine: AsyncEngine) -> None:
        report = await begin(engine, settings)
        assert (report.state, report.attempt) == ("running", 1)
        await note_progress(engine, report, 0.5)
        assert (await find_report(engine, report.report_id)).progress == 0.5
        assert await complete(engine, report, rows=7)
        done = await find_report(engine, report.report_id)
        assert (done.state, done.progress, done.row_count) == ("complete", 1.0, 7)
        assert done.by_hour == {POLLED: [[0] * 168] * 2}
        assert done.tallies == {POLLED: [[1] * 30] * 3}
        assert await begin_attempt(engine, report.id) is None, "it is not computed again"

    on_engine(database_url, scenario)


def test_only_the_newest_attempt_writes(settings: Settings, database_url: str) -> None:
    async def scenario(engine: AsyncEngine) -> None:
        first = await begin(engine, settings)
        second = await begin_attempt(engine, first.id)
        assert second is not None
        await note_progress(engine, first, 0.9)
        assert (await find_report(engine, first.report_id)).progress == 0.0
        assert not await complete(engine, first)
        assert await complete(engine, second)

    on_engine(database_url, scenario)


def test_a_report_whose_process_keeps_dying_fails(settings: Settings, database_url: str) -> None:
    async def scenario(engine: AsyncEngine) -> None:
        report = await begin(engine, settings)
        for _ in range(MAX_ATTEMPTS - 1):
            assert await begin_attempt(engine, report.id) is not None
        assert await begin_attempt(engine, report.id) is None
        failed = await find_report(engine, report.report_id)
        assert failed.state == "failed"
        assert failed.error == "computing it was cut off 3 times: its process or the database ended"

    on_engine(database_url, scenario)


def test_a_report_that_has_ended_does_not_fail(settings: Settings, database_url: str) -> None:
    async def scenario(engine: AsyncEngine) -> None:
        report = await begin(engine, settings)
        assert await complete(engine, report)
        await fail_report(engine, report.id, "too late")
        done = await find_report(engine, report.report_id)
        assert (done.state, done.error) == ("complete", None)

    on_engine(database_url, scenario)


def test_a_report_that_has_failed_does_not_complete(settings: Settings, database_url: str) -> None:
    async def scenario(engine: AsyncEngine) -> None:
        report = await begin(engine, settings)
        await fail_report(engine, report.id, "its disk is full")
        assert not await is_to_be_computed(engine, report)
        await note_progress(engine, report, 0.9)
        assert not await complete(engine, report)
        failed = await find_report(engine, report.report_id)
        assert (failed.state, failed.error) == ("failed", "its disk is full")
        assert failed.progress == 0

    on_engine(database_url, scenario)


def test_rows_are_read_back_in_any_order_as_they_were_written(
    settings: Settings, database_url: str
) -> None:
    part = figures_of([3, 5, 9])

    async def scenario(engine: AsyncEngine) -> None:
        report = await begin(engine, settings)
        async with engine.begin() as connection:
            await write_rows(connection, report, part)
        rows = await read_rows(engine, report, np.array([9, 3, 5]))
        assert rows["known"].tolist() == [1, 1, 0]
        order = [2, 0, 1]
        for n, name in enumerate(("open", "up", "observed")):
            of_stores = [[9 * n + 3 * window + store for window in range(3)] for store in order]
            assert rows[name].tolist() == of_stores, name
        some = await read_rows(engine, report, np.array([3, 4]))
        assert len(some["known"]) == 1, "a row less than stores: it was removed"

    on_engine(database_url, scenario)


def test_rows_keep_the_zones_of_their_stores_whatever_the_order_of_partitions(
    settings: Settings, database_url: str
) -> None:
    async def scenario(engine: AsyncEngine) -> None:
        report = await begin(engine, settings)
        async with engine.begin() as connection:
            await write_rows(connection, report, figures_of([5, 7], "Asia/Tokyo", "UTC"))
            await write_rows(connection, report, figures_of([2, 3], "Europe/Paris", "Asia/Tokyo"))
            assert await complete_report(connection, report, 4, 0, BY_HOUR, TALLIES)
        done = await find_report(engine, report.report_id)
        rows = await read_rows(engine, done, np.array([2, 3, 5, 7]))
        names = [done.zones[place] for place in rows["zone"]]
        assert names == ["Europe/Paris", "Asia/Tokyo", "Asia/Tokyo", "UTC"]

    on_engine(database_url, scenario)


def test_rows_belong_to_the_caller_s_transaction(settings: Settings, database_url: str) -> None:
    part = figures_of([3])

    async def scenario(engine: AsyncEngine) -> None:
        report = await begin(engine, settings)
        async with engine.connect() as connection:
            await connection.begin()
            await write_rows(connection, report, part)
            await connection.rollback()
            assert (await connection.scalars(select(ReportRow.store))).all() == []

    on_engine(database_url, scenario)
