"""The list of reports, a report in each state, and the comparison with the one before."""

import pytest
from fastapi.testclient import TestClient

from openhours.settings import Settings
from tests.helpers import stock
from tests.helpers.clients import running
from tests.helpers.database import fetch
from tests.helpers.html import get_page, post_form
from tests.reports.computing import reporting


def test_without_reports_it_offers_to_generate_one(empty: TestClient) -> None:
    page = get_page(empty, "/reports")
    assert page.text(".empty h2") == "No reports yet"
    assert page.text("button.primary") == "Generate report"
    assert get_page(empty, "/reports/nothing", 404).text("h1") == "Not found"


def test_reports_are_listed_newest_first(stocked: TestClient) -> None:
    page = get_page(stocked, "/reports")
    assert page.texts("tbody .state") == ["Failed", "Running", "Complete", "Complete", "Complete"]
    assert page.text("tbody tr:nth-child(4) td:nth-child(5)") == "1 (a selection)"
    links = [node.attributes["href"] for node in page.all("tbody th a")]
    assert links == [
        f"/reports/{name}"
        for name in (stock.FAILED, stock.QUEUED, stock.SECOND, stock.PARTIAL, stock.FIRST)
    ]
    assert page.text(".note") == "5 reports, newest first; times in UTC."


def test_the_same_path_is_json_for_others(stocked: TestClient) -> None:
    assert stocked.get("/reports").headers["content-type"] == "application/json"


def test_a_report_is_shown_and_compared(stocked: TestClient) -> None:
    page = get_page(stocked, f"/reports/{stock.SECOND}")
    stores = [n for n in range(1, len(stock.STORES) + 1) if n != 1]  # the first is unknown
    partly = sum(1 for n in stores if n % 3 == 1)
    compared = page.text("section[aria-labelledby=all-heading]")
    assert f"{partly} stores worse , none better" in compared
    worse = page.texts("[aria-label='Stores that got worse'] tbody tr")
    assert len(worse) == partly
    assert worse[0].split()[1:] == ["50", "%", "33.3", "%", "4.5", "h", "6", "h"]
    bins = page.attribute(".histogram", "aria-label")
    assert bins.startswith("Distribution of uptime in the last week: ")
    assert len(page.all(".histogram :is(a, g)")) == 21
    hour = get_page(stocked, f"/reports/{stock.SECOND}", window="hour")
    assert "in the last hour" in hour.attribute(".histogram", "aria-label")
    first = get_page(stocked, f"/reports/{stock.FIRST}")
    assert "no report of all stores as of about a week earlier" in first.text(
        "section[aria-labelledby=all-heading]"
    )


def test_reports_that_are_not_complete_say_so(stocked: TestClient) -> None:
    queued = get_page(stocked, f"/reports/{stock.QUEUED}")
    assert queued.attribute("[data-watch-report]", "data-watch-report") == stock.QUEUED
    assert queued.all("a[download]") == []
    failed = get_page(stocked, f"/reports/{stock.FAILED}")
    assert failed.text("[role=alert]") == "The report failed: the disk is full"


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/reports/nothing", 404),
        ("/reports/a%00b", 422),
        (f"/reports/{stock.FIRST}?window=year", 422),
        ("/reports?cursor=x", 422),
    ],
)
def test_errors_are_pages(stocked: TestClient, path: str, status: int) -> None:
    assert get_page(stocked, path, status).text(".eyebrow") == str(status)


@pytest.mark.slow
def test_generating_leads_to_the_report(settings: Settings) -> None:
    with running(settings) as client:
        answer = post_form(client, "/reports/new")
        assert answer.status_code == 303
        page = get_page(client, answer.headers["location"])
        assert page.text("h1").startswith("Report of ")
        assert page.all("[data-watch-report]")
        refused = client.post("/reports/new", data={"csrf_token": "0" * 64})
        assert refused.status_code == 403


def test_a_report_that_is_removed_while_its_page_is_made_is_not_found(settings: Settings) -> None:
    with reporting(settings) as reports:
        reports.store("s", ["2023-01-20 12:00 active"])
        path = f"/reports/{reports.report()}"
        fetch(reports.url, "CREATE TABLE removed AS SELECT * FROM report_rows")
        fetch(reports.url, "DELETE FROM report_rows")
        assert get_page(reports.client, path, 404).text("h1") == "Not found"
        fetch(reports.url, "INSERT INTO report_rows SELECT * FROM removed")
        assert "1 no downtime" in get_page(reports.client, path).texts(".legend a")


@pytest.mark.slow
def test_a_report_with_the_number_of_one_before_has_figures_of_its_own(settings: Settings) -> None:
    with reporting(settings) as reports:
        reports.store("s", ["2023-01-20 12:00 active"])
        first = reports.report(outages=True)
        assert "1 no downtime" in get_page(reports.client, f"/reports/{first}").texts(".legend a")
        assert get_page(reports.client, "/").all("table.stores tbody tr") == []
        ((number,),) = fetch(reports.url, "SELECT id FROM reports")
        # As in a database that was restored.
        reports.store("t", ["2023-01-20 12:00 inactive"])
        second = reports.report(outages=True)
        fetch(reports.url, f"DELETE FROM reports WHERE id = {number}")
        for table in ("report_rows", "report_outages"):
            fetch(reports.url, f"DELETE FROM {table} WHERE report = {number}")
            fetch(reports.url, f"UPDATE {table} SET report = {number}")
        fetch(reports.url, "DELETE FROM deliveries")
        fetch(reports.url, "ALTER TABLE reports ALTER id SET GENERATED BY DEFAULT")
        fetch(reports.url, f"UPDATE reports SET id = {number}")
        page = get_page(reports.client, f"/reports/{second}")
        assert "1 down throughout" in page.texts(".legend a")
        assert page.texts("[aria-label=Outages] th") != []
        assert len(get_page(reports.client, "/").all("table.stores tbody tr")) == 1
