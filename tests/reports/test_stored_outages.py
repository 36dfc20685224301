"""Outages as they are stored: exact, once each, whatever becomes of an attempt."""

import asyncio
from concurrent.futures.process import BrokenProcessPool

import asyncpg
import pytest

from openhours import process_pool
from openhours.reports.executors import Computation, Found, Part
from tests.helpers.csv_files import ID, rows_of
from tests.helpers.database import fetch
from tests.reports.computing import InThisProcess, Reports
from tests.reports.some_outages import OPTIONS, lines, stores

pytestmark = pytest.mark.slow


def test_outages_do_not_change_with_later_data(reports: Reports) -> None:
    stores(reports)
    report_id = reports.report(outages=True)
    before = lines(reports, report_id)
    reports.store(f"{ID}3", ["2023-01-20 10:00 inactive"])
    assert lines(reports, report_id) == before
    assert len(lines(reports, reports.report(outages=True))) == len(before) + 1


def test_many_outages_are_read_in_pages_of_stores(
    reports: Reports, monkeypatch: pytest.MonkeyPatch
) -> None:
    for n in range(9, 0, -1):
        polls = [
            f"2023-01-20 {hour:02d}:00 {'in' * (hour % 2)}active" for hour in range(10, 12 + n)
        ]
        reports.store(f"s{n}", polls, hours="9-22")
    report_id = reports.report(outages=True)
    whole = lines(reports, report_id)
    assert whole[1:] == sorted(whole[1:])
    assert len(whole) == 1 + sum((n + 2) // 2 for n in range(1, 10))
    monkeypatch.setattr("openhours.reports.downloads._OUTAGES_A_PAGE", 3)
    assert lines(reports, report_id) == whole


def test_a_list_whose_report_is_removed_while_it_is_read_does_not_look_whole(
    reports: Reports, database_url: str
) -> None:
    stores(reports)
    report_id = reports.report(outages=True)
    fetch(database_url, "DELETE FROM report_outages WHERE true = ANY(ongoing) RETURNING store")
    answer = reports.client.get(f"/reports/{report_id}/outages")
    assert (answer.status_code, answer.json()["detail"]) == (404, "the report was removed")


def test_a_second_attempt_after_a_killed_one_lists_each_outage_once(reports: Reports) -> None:
    stores(reports)
    reports.client.post("/track", json={"pc": "desk", "event_time": "2023-01-20T10:00:00Z"})
    once = lines(reports, reports.report(**OPTIONS))

    class Dying(InThisProcess):
        """A process is killed after it has given back a partition."""

        computed = 0

        async def compute(self, function: Computation[Part, Found], part: Part) -> Found:
            found = await super().compute(function, part)
            self.computed += 1
            if self.computed == 2:
                raise BrokenProcessPool
            return found

    report_id = reports.trigger(**OPTIONS)
    with pytest.raises(BrokenProcessPool):
        reports.compute(report_id, Dying)
    assert fetch(reports.url, "SELECT count(DISTINCT report) FROM report_outages") == [(1,)]
    reports.compute(report_id)
    assert lines(reports, report_id) == once


def test_an_attempt_that_was_overtaken_adds_nothing(
    reports: Reports, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Else it may be given up before it comes to that.
    monkeypatch.setattr(process_pool, "_LOOK_INTERVAL", 600)
    stores(reports)
    once = lines(reports, reports.report(outages=True))

    class Slow(InThisProcess):
        """Another worker takes the report over and completes it meanwhile."""

        async def compute(self, function: Computation[Part, Found], part: Part) -> Found:
            await asyncio.to_thread(reports.compute, report_id)
            return await super().compute(function, part)

    report_id = reports.trigger(outages=True)
    with pytest.raises(asyncpg.UniqueViolationError):
        reports.compute(report_id, Slow)
    assert lines(reports, report_id) == once


def test_the_sums_in_the_database_are_exact(reports: Reports, database_url: str) -> None:
    """The downtime of a window that holds all outages is that of the outages, to the µs."""
    stores(reports)
    reports.report(outages=True, windows=["P14D"])
    sums = """
        SELECT w.store, w.open[1] - w.up[1],
               (SELECT sum(down)::int8 FROM report_outages o, unnest(downtime) down
                WHERE o.report = w.report AND o.store = w.store)
        FROM report_rows w WHERE known
    """
    found = {store: (down, total or 0) for store, down, total in fetch(database_url, sums)}
    assert len(found) == 3
    assert all(down == total for down, total in found.values())


def test_the_rows_of_a_report_are_the_same_to_the_byte_with_and_without(reports: Reports) -> None:
    stores(reports)
    texts = [
        reports.client.get(f"/get_report/{reports.report(**options)}").text
        for options in ({}, {"outages": True}, {"outages": False})
    ]
    assert texts[0] == texts[1] == texts[2]
    assert rows_of(texts[0]).keys() == {f"{ID}2", f"{ID}10", "up", "closed"}
