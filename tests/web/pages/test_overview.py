"""The overview: what there is to do, and what the newest report says."""

import asyncio
from collections.abc import Sequence
from concurrent.futures.process import BrokenProcessPool
from datetime import timedelta

import pytest
from fastapi.testclient import TestClient

from openhours.reports.executors import Computation, Found, Part
from openhours.settings import Settings
from openhours.times import now
from tests.helpers import stock
from tests.helpers.html import get_page
from tests.reports.computing import InThisProcess, reporting
from tests.web.pages.test_files import execute


def test_without_data_it_says_what_to_do(empty: TestClient) -> None:
    page = get_page(empty, "/")
    assert page.text("h1") == "Nothing here yet"
    assert page.all(".alert, .notice") == []
    assert page.texts(".tile strong") == ["0", "0", "none yet", "none yet", "0"]
    assert "No files yet" in page.text("section[aria-labelledby=files-heading]")
    assert page.attribute("form[data-generate]", "action") == "/reports/new"
    assert page.all(".strip") == []


def test_with_data_it_tells_the_state_and_the_longest_downtimes(stocked: TestClient) -> None:
    stocked.cookies.set("zone", "America/Denver")
    page = get_page(stocked, "/")
    known = len(stock.STORES) - 1  # SCRIPT is unknown
    up = sum(1 for n in range(2, known + 2) if n % 3 == 2)
    assert page.text("h1") == f"{up} of {known} open stores had no downtime"
    assert "As of Mon 23 Jan 2023, 11:30 America/Denver" in page.text(".hero")
    assert page.attribute(".hero .note a", "href") == f"/reports/{stock.SECOND}"
    assert len(page.all(".strip g")) == 168
    assert page.texts(".strip title")[-1].endswith("an hour: 50 % of open time down")
    assert page.texts(".tile strong") == [
        str(len(stock.STORES)), "1", "Mon 23 Jan 2023, 11:14", page.texts(".tile strong")[3], "2",
    ]  # fmt: skip
    worst = page.all("table.stores tbody tr")
    assert len(worst) == 8
    assert page.texts("table.stores .share")[:3] == ["0 %", "0 %", "0 %"]


def test_files_are_listed_with_their_states_newest_first(stocked: TestClient) -> None:
    files = get_page(stocked, "/").texts(".files li")
    assert files == [
        "in.csv queued, 25 %",
        "cats.csv not loaded : no store_id column",
        "zones.csv 1 loaded",
        "polls.csv 2 loaded, 1 already loaded, 2 rejected",
    ]


UP, WHILE_CLOSED = "2023-01-20 10:00 active", "2023-01-20 03:00 active"


@pytest.mark.parametrize(
    ("stores", "as_of", "heading", "note"),
    [
        ([UP], "2023-01-20T15:30:00Z", "The one open store had no downtime", True),
        ([UP, UP], "2023-01-20T15:30:00Z", "All 2 open stores had no downtime", True),
        ([WHILE_CLOSED], "2023-01-20T15:30:00Z", "No data for the open stores", False),
        ([UP], "2023-01-25T15:30:00Z", "No store was open", False),
    ],
)
def test_the_heading_tells_unknown_stores_from_closed_ones(
    settings: Settings, stores: Sequence[str], as_of: str, heading: str, note: bool
) -> None:
    with reporting(settings) as reports:
        for n, poll in enumerate(stores):
            reports.store(f"s{n}", [poll], hours="9-17")
        for day in ("2023-01-24", "2023-01-25") if heading == "No store was open" else ():
            closed = reports.client.put(f"/special_hours/s0/{day}", json={"hours": []})
            assert closed.status_code == 200
        reports.report(as_of=as_of)
        page = get_page(reports.client, "/")
        assert page.text("h1") == heading
        assert ("of all open time was up" in page.text(".hero")) == note
        assert ("No store had downtime in the last day." in page.text()) == note


def test_the_longest_downtimes_are_found_once_and_have_their_present_names(
    settings: Settings,
) -> None:
    with reporting(settings) as reports:
        reports.store("s0", ["2023-01-20 10:00 inactive"])
        reports.report()
        with reports.statements() as asked:
            assert get_page(reports.client, "/").texts("table.stores tbody th a") == ["s0"]
        assert sum("ORDER BY coalesce(stores.feed" in query for query in asked) == 1
        reports.label("s0", name="Elm Street")
        with reports.statements() as asked:
            assert "Elm Street" in get_page(reports.client, "/").text("table.stores tbody th")
        assert not any("ORDER BY coalesce(stores.feed" in query for query in asked)


def test_old_polls_are_told_by_their_age(settings: Settings) -> None:
    with reporting(settings) as reports:
        reports.store("s0", [UP])
        reports.report()
        old = get_page(reports.client, "/").text(".alert")
        assert old.startswith("The newest poll is from Fri 20 Jan 2023, 10:00 UTC")
        assert " days ago. The figures show that time, not now." in old
        fresh = now() - timedelta(hours=23)
        reports.store("s1", [f"{fresh:%Y-%m-%d %H:%M} active"])
        assert get_page(reports.client, "/").all(".alert") == []


@pytest.mark.slow
def test_files_that_were_loaded_since_the_report_are_counted_until_the_next(
    settings: Settings,
) -> None:
    with reporting(settings) as reports:
        reports.store("s0", [UP])
        reports.report()
        assert get_page(reports.client, "/").all(".notice") == []
        asyncio.run(execute(settings, FILES))
        page = get_page(reports.client, "/")
        assert page.text(".notice").startswith("2 files were loaded since the newest report.")
        assert page.attribute(".notice button", "form") == page.attribute(
            "form[data-generate]", "id"
        )
        reports.report()
        assert get_page(reports.client, "/").all(".notice") == []


def test_files_that_a_later_attempt_has_read_are_in_the_report(settings: Settings) -> None:
    class Killed(InThisProcess):
        async def compute(self, function: Computation[Part, Found], part: Part) -> Found:
            await super().compute(function, part)
            raise BrokenProcessPool

    with reporting(settings) as reports:
        reports.store("s0", [UP])
        report_id = reports.trigger()
        with pytest.raises(BrokenProcessPool):
            reports.compute(report_id, Killed)
        asyncio.run(execute(settings, FILES))
        reports.compute(report_id)
        assert get_page(reports.client, "/").all(".notice") == []


# Two that changed something, one that did not, and one that was not loaded.
FILES = """
INSERT INTO ingestions (ingestion_id, name, path, uploaded, state, loaded, error, finished_at)
SELECT name, name, '/x', true, state, loaded, error, clock_timestamp()
FROM (VALUES ('a', 'complete', 1, NULL), ('b', 'complete', 2, NULL), ('c', 'complete', 0, NULL),
             ('d', 'failed', NULL, 'a PDF, and no CSV')) AS f (name, state, loaded, error)
"""
