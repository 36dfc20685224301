"""Which stores were down: sorted by hours, filtered, counted in pictures, taken away as files."""

import csv
import io
from collections.abc import Iterator
from typing import Any

import openpyxl
import pytest

from openhours.settings import Settings
from openhours.web import store_figures
from openhours.web.pages import stores as stores_page
from tests.helpers.html import Html, get_page, words
from tests.reports.computing import Reports, reporting

T = "2023-01-24T17:00:00Z"
NAME = '=cmd & "co"'


@pytest.fixture
def reports(settings: Settings) -> Iterator[Reports]:
    """A shop open an hour a day and always down; one that is down for days; and others."""
    with reporting(settings) as found:
        found.store("hourly", ["2023-01-20 09:30 inactive"], hours="9-10")
        found.store("big", ["2023-01-20 12:00 active", "2023-01-22 12:00 inactive"])
        found.store("good", ["2023-01-20 15:00 active"], "America/New_York", hours="9-17")
        found.store("nap", ["2023-01-24 12:00 active", "2023-01-24 14:00 inactive"], None)
        found.store("unseen", ["2023-01-20 03:00 active"], hours="9-17")
        found.label("big", region="west", name=NAME)
        found.label("good", region="west")
        beat = {"pc": "desk", "event_time": "2023-01-24T10:00:00Z"}
        assert found.client.post("/track", json=beat).status_code == 201
        yield found


def listed(page: Html) -> list[str]:
    return page.texts("table.stores tbody th a")


def stores(reports: Reports, **params: Any) -> list[str]:
    return listed(get_page(reports.client, "/stores", **params))


def test_the_longest_downtime_is_first_and_pcs_come_after_all_stores(reports: Reports) -> None:
    reports.report(as_of=T)
    page = get_page(reports.client, "/stores")
    assert listed(page) == ["big", "hourly", "nap", "good", "unseen", "pc:desk"]
    assert page.text("[aria-sort]").startswith("Last week")
    assert page.attribute("[aria-sort]", "aria-sort") == "descending"
    turned = get_page(reports.client, f"/stores{page.attribute('[aria-sort] a', 'href')}")
    assert listed(turned) == ["good", "nap", "hourly", "big", "unseen", "pc:desk"]
    assert stores(reports, window="hour")[0] == "big"
    assert stores(reports, sort="percent")[:2] == ["hourly", "big"]
    assert stores(reports, sort="id")[0] == "big"


def test_stores_are_filtered_by_their_zone_the_default_one_included(reports: Reports) -> None:
    reports.report(as_of=T)
    page = get_page(reports.client, "/stores")
    zones = [node.text() for node in page.all("#timezone option")]
    assert zones == ["any", "America/Chicago", "America/New_York", "UTC"]
    assert stores(reports, timezone="America/Chicago") == ["nap", "pc:desk"]
    assert stores(reports, timezone="America/New_York", label="region=west") == ["good"]
    assert stores(reports, timezone="Asia/Kolkata") == []
    wrong = get_page(reports.client, "/stores", 422, timezone="Mars")
    assert wrong.text("main li").startswith("timezone: ")
    wrong = get_page(reports.client, "/stores", 422, uptime="7-9")
    assert wrong.text("main li").startswith("uptime: ")


@pytest.mark.slow
def test_bars_and_legends_lead_to_the_stores_that_they_count(reports: Reports) -> None:
    report_id = reports.report(as_of=T)
    for path in (f"/reports/{report_id}", f"/reports/{report_id}?window=day", "/"):
        page = get_page(reports.client, path)
        links = page.all(".histogram a, main .legend a")
        assert len(links) >= 3
        for link in links:
            said = link.attributes.get("aria-label") or words(link)
            count = said.rpartition(": ")[2].split()[0]
            found = stores_at(reports, link.attributes["href"])
            assert str(len(found)) == count, said
            assert "pc:desk" not in found
    page = get_page(reports.client, f"/reports/{report_id}")
    assert [words(one) for one in page.all(".legend a")] == [
        "1 no downtime", "2 some downtime", "1 down throughout", "1 unknown",
    ]  # fmt: skip


def stores_at(reports: Reports, href: str | None) -> list[str]:
    assert href is not None
    return listed(get_page(reports.client, href))


def test_all_stores_with_downtime_continue_the_list_in_its_order(reports: Reports) -> None:
    report_id = reports.report(as_of=T)
    for path in ("/", f"/reports/{report_id}"):
        page = get_page(reports.client, path)
        section = "section[aria-labelledby=worst-heading]"
        rows = page.texts(f"{section} tbody th a")
        assert rows == ["big", "nap", "hourly"]
        assert stores_at(reports, page.attribute(f"{section} .note a", "href")) == rows


@pytest.mark.slow
def test_an_earlier_report_and_its_windows_are_chosen(reports: Reports) -> None:
    early = reports.report(as_of="2023-01-21T17:00:00Z")
    other = reports.report(as_of=T, windows=["2023-01-22", "P3D"], store_ids=["big", "good"])
    reports.report(as_of=T)
    page = get_page(reports.client, "/stores", report_id=early)
    assert "as of Sat 21 Jan 2023" in page.text("[role=status]")
    assert page.text("#report_id [selected]").startswith("Sat 21 Jan 2023, 17:00: all stores")
    assert page.all("table.stores tbody th a")[0].attributes["href"] == (
        f"/stores/{listed(page)[0]}?report_id={early}"
    )
    page = get_page(reports.client, "/stores", report_id=other, window="P3D")
    assert listed(page) == ["big", "good"], "it is of no others"
    assert page.texts("table.stores thead th") == ["Store", "P3D ↓"]
    page = get_page(reports.client, "/stores", report_id=other, window="week")
    assert "It has no window week; this is its 2023-01-22." in page.text("[role=status]")
    assert get_page(reports.client, "/stores", 404, report_id="none").text(".eyebrow") == "404"


def test_the_filtered_list_is_a_csv_and_a_workbook_in_its_order(reports: Reports) -> None:
    reports.report(as_of=T)
    page = get_page(reports.client, "/stores", state="down", feed="polled")
    links = [str(node.attributes["href"]) for node in page.all(".note a[download]")]
    answers = [reports.client.get(f"/stores{link}") for link in links]
    assert [answer.headers["content-disposition"] for answer in answers] == [
        f'attachment; filename="stores-20230124T170000Z.{form}"' for form in ("csv", "xlsx")
    ]
    rows = list(csv.DictReader(io.StringIO(answers[0].text)))
    assert [row["store_id"] for row in rows] == listed(page) == ["big", "hourly", "nap"]
    big = rows[0]
    assert (big["type"], big["time_zone"], big["region"]) == ("store", "UTC", "west")
    assert big["name"] == f"'{NAME}", "no formula"
    figures = [big[f"{name}_last_week(in hours)"] for name in ("open", "uptime", "downtime")]
    assert figures == ["168.00", "91.00", "77.00"]
    assert big["uptime_last_week(in percent)"] == "54.17"
    assert big["downtime_last_hour(in minutes)"] == "60.00"
    sheet = openpyxl.load_workbook(io.BytesIO(answers[1].content)).active
    assert sheet is not None
    cells = list(sheet.iter_rows(values_only=True))
    assert list(cells[0]) == list(rows[0])
    assert [row[0] for row in cells[1:]] == listed(page)
    assert NAME in cells[1]


@pytest.mark.slow
def test_files_and_other_pages_are_of_the_report_that_is_shown(
    reports: Reports, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store_figures, "PAGE", 2)
    monkeypatch.setattr(stores_page, "PAGE", 2)
    shown = reports.report(as_of=T)
    page = get_page(reports.client, "/stores", page=2)
    reports.report(as_of="2023-01-21T17:00:00Z")
    links = page.all(".note a[download], .pager a")
    assert len(links) == 4
    for link in links:
        assert f"report_id={shown}" in str(link.attributes["href"])
    turned = get_page(reports.client, f"/stores{page.attribute('.pager [rel=next]', 'href')}")
    assert "as of Tue 24 Jan 2023" in turned.text("[role=status]")


def test_unknown_stores_have_no_figures_in_a_file(reports: Reports) -> None:
    assert reports.client.get("/stores?format=csv").status_code == 200, "without a report"
    reports.report(as_of=T)
    answer = reports.client.get("/stores?format=csv&state=unknown")
    (row,) = csv.DictReader(io.StringIO(answer.text))
    assert row["store_id"] == "unseen"
    assert {value for key, value in row.items() if "last_" in key} == {""}
    assert len(reports.client.get("/stores?format=csv").text.splitlines()) == 7
