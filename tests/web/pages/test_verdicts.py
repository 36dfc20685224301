"""Which stores met their target, on the list of stores and on a store's page."""

from collections.abc import Iterator
from typing import Any

import pytest

from openhours.settings import Settings
from openhours.web.formatting import store_url
from tests.helpers.database import fetch
from tests.helpers.html import Html, get_page
from tests.helpers.seed import week_of_polls
from tests.reports.computing import Reports, reporting

pytestmark = pytest.mark.slow

T = "2023-01-22T05:00:00Z"
# Of stores that are polled every hour: 1 is up always, 2 half of the time, 3 now and then not, 5
# only for the last two days.
TARGETS = {"store-1": "90", "store-2": "99.95", "store-3": "95", "store-5": "90", "closed": "50"}


@pytest.fixture
def reports(settings: Settings, database_url: str) -> Iterator[Reports]:
    up = "CASE s WHEN 2 THEN n % 2 = 0 WHEN 3 THEN n % 20 > 0 WHEN 5 THEN n > 100 ELSE true END"
    for statement in week_of_polls(5, 150, "1 hour", up):
        fetch(database_url, statement)
    fetch(database_url, f"INSERT INTO feed_clocks VALUES ('polled', '{T}')")
    with reporting(settings) as found:
        found.store("closed", ["2023-01-20 15:30 active"], hours="9-10")
        for store, target in TARGETS.items():
            found.label(store, target=target)
        yield found


def verdicts(page: Html) -> dict[str, list[str]]:
    """The verdicts that stand with each store."""
    rows = page.all("table.stores tbody tr")
    return {
        row.css("th a")[0].text(): [node.text() for node in row.css("td .verdict")] for row in rows
    }


def stores(reports: Reports, **params: Any) -> list[str]:
    return list(verdicts(get_page(reports.client, "/stores", **params)))


def test_verdicts_stand_with_the_stores_in_words(reports: Reports) -> None:
    reports.report(intervals=True)
    found = verdicts(get_page(reports.client, "/stores"))
    assert found["store-1"][2] == "target 90 %: met"
    assert found["store-2"][2] == "target 99.95 %: missed"
    assert found["store-3"][2] == "target 95 %: cannot tell"
    assert found["store-4"] == found["closed"] == []


def test_stores_are_filtered_by_verdict(reports: Reports) -> None:
    reports.report(intervals=True)
    assert stores(reports, verdict="met") == ["store-1"]
    assert stores(reports, verdict="missed") == ["store-5", "store-2"]
    assert stores(reports, verdict="missed", window="day") == ["store-2"]
    assert stores(reports, verdict="cannot_tell") == ["store-3"]
    assert stores(reports, verdict="missed", q="store-3") == []
    every = verdicts(get_page(reports.client, "/stores"))
    for n, window in enumerate(("hour", "day", "week")):
        for verdict in ("met", "missed", "cannot_tell"):
            said = verdict.replace("_", " ")
            having = [store for store, of in every.items() if of and of[n].endswith(f": {said}")]
            assert sorted(stores(reports, verdict=verdict, window=window)) == sorted(having)
    page = get_page(reports.client, "/stores", verdict="missed")
    assert page.attribute("#verdict option[selected]", "value") == "missed"
    assert all("verdict=missed" in str(link.attributes["href"]) for link in page.all("thead a"))
    assert (
        get_page(reports.client, "/stores", 422, verdict="late")
        .text("main li")
        .startswith("verdict: ")
    )


def test_the_filter_is_of_the_newest_report_that_has_verdicts(reports: Reports) -> None:
    reports.report(intervals=True)
    reports.report(as_of="2023-01-21T05:00:00Z")
    page = get_page(reports.client, "/stores")
    assert verdicts(page)["store-1"] == []
    assert "Sat 21 Jan 2023" in page.text("[role=status]")
    page = get_page(reports.client, "/stores", verdict="met")
    assert list(verdicts(page)) == ["store-1"]
    assert "Sun 22 Jan 2023" in page.text("[role=status]")


def test_without_verdicts_there_is_nothing_of_them(reports: Reports) -> None:
    for trigger in (lambda: None, reports.report):
        trigger()
        assert get_page(reports.client, "/stores").all("#verdict, .verdict") == []
        assert stores(reports, verdict="met") == []
        assert get_page(reports.client, "/stores/store-1").all(".verdict") == []


def test_a_store_s_page_says_it_beside_each_figure(reports: Reports) -> None:
    report_id = reports.report(intervals=True, windows=["last_week", "P3D"])
    page = get_page(reports.client, "/stores/store-2", report_id=report_id)
    assert page.texts(".tile .verdict") == ["target 99.95 %: missed"] * 2
    assert get_page(reports.client, "/stores/store-4", report_id=report_id).all(".verdict") == []
    # As of the newest poll no interval is computed: a report of the same instant has one.
    assert get_page(reports.client, "/stores/store-2").all(".verdict") == []
    reports.report(intervals=True)
    assert len(get_page(reports.client, "/stores/store-2").all(".verdict")) == 3
    fetch(reports.url, "UPDATE feed_clocks SET newest_at = newest_at + interval '1 s'")
    assert get_page(reports.client, "/stores/store-2").all(".verdict") == []


def test_a_pc_has_its_verdict_by_its_uptime(reports: Reports) -> None:
    beat = {"pc": "desk", "event_time": "2023-01-22T04:30:00Z"}
    assert reports.client.post("/track", json=beat).status_code == 201
    reports.label("pc:desk", target="50")
    report_id = reports.report(intervals=True, as_of=T, windows=["last_hour"])
    page = get_page(reports.client, store_url("pc:desk"), report_id=report_id)
    assert page.texts(".tile .verdict") == ["target 50 %: missed"]
