"""Uptime by group, on the page of a report and on the overview."""

from collections.abc import Iterator
from typing import Any

import pytest

from openhours.reports import groups as groups_of_reports
from openhours.settings import Settings
from openhours.web.pages import overview
from openhours.web.pages import reports as report_pages
from tests.helpers.html import Html, get_page
from tests.reports.computing import Reports, reporting
from tests.reports.regions import UP, T, add_stores

REGIONS = [
    "East, far & <i> 43.7 % Open 8 h Down 4.5 h Stores 1 Unknown",
    "west 75 % Open 48 h Down 12 h Stores 2 Unknown",
    "east unknown Open Down Stores 1 Unknown 1",
    "no region 100 % Open 8 h Down 0 h Stores 1 Unknown",
]


@pytest.fixture
def reports(settings: Settings) -> Iterator[Reports]:
    with reporting(settings) as reports:
        yield reports


def stores(reports: Reports) -> None:
    add_stores(reports, "East, far & <i>")


def groups(page: Html) -> list[str]:
    """Return the rows, each figure with what stands before it on a phone."""
    return [
        " ".join(
            f"{cell.attributes.get('data-heading') or ''} {cell.text(separator=' ')}"
            for cell in row.css("th, td")
        )
        for row in page.all("#groups tbody tr")
    ]


def shown(reports: Reports, path: str, **params: Any) -> list[str]:
    rows = groups(get_page(reports.client, path, **params))
    return [" ".join(row.split()) for row in rows]


def address(page: Html, selector: str) -> str:
    return page.attribute(selector, "href").partition("#")[0]


def test_the_worst_group_is_first_and_the_stores_without_a_label_are_last(reports: Reports) -> None:
    stores(reports)
    path = f"/reports/{reports.report(as_of=T)}"
    page = get_page(reports.client, path, window="day")
    assert page.text("#groups h2") == "Uptime by region"
    assert page.texts("#groups .note")[0].startswith("Last day, ")
    assert shown(reports, path, window="day") == REGIONS
    assert [bar.attributes["width"] for bar in page.all("#groups .bar .up")] == [
        "43.75", "75.00", "100.00",
    ]  # fmt: skip
    assert len(page.all("#groups .bar .none")) == 1


def test_a_closed_group_comes_after_those_with_open_time(reports: Reports) -> None:
    stores(reports)
    reports.store("f", UP, hours="9-11")
    reports.label("f", region="shut")
    path = f"/reports/{reports.report(as_of=T)}"
    rows = shown(reports, path, window="hour")
    assert [row.partition(" Open")[0] for row in rows] == [
        "East, far & <i> 0 %", "west 100 %", "shut closed", "east unknown",
        "no region 100 %",
    ]  # fmt: skip


@pytest.mark.slow
def test_a_key_is_chosen_and_stays_chosen_with_another_window(
    reports: Reports, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(groups_of_reports, "_GROUPS_A_ROW", 1)  # of the database
    stores(reports)
    reports.label("a", brand="x & y")
    path = f"/reports/{reports.report(as_of=T, outages=True)}"
    page = get_page(reports.client, path)
    assert page.texts("#groups .tabs a") == ["brand", "region"]  # names are no groups
    assert page.text("#groups .tabs [aria-current]") == "brand"
    region = address(page, "#groups .tabs a:last-child")
    assert region == "?window=week&group_by=region"
    chosen = get_page(reports.client, path + region)
    assert chosen.text("#groups h2") == "Uptime by region"
    day = address(chosen, "section:not(#groups) .tabs a:nth-child(2)")
    assert shown(reports, path + day) == REGIONS


@pytest.mark.slow
def test_other_windows_are_chosen_from_a_list_the_first_is_shown(reports: Reports) -> None:
    stores(reports)
    report_id = reports.report(as_of=T, windows=["last_day", f"2023-01-20T14:30:00Z/{T}"])
    path = f"/reports/{report_id}"
    page = get_page(reports.client, path)
    assert shown(reports, path) == REGIONS
    windows = [option.attributes["value"] for option in page.all("#groups select option")]
    assert windows == ["last_day", f"2023-01-20T14:30:00Z/{T}"]
    second = get_page(reports.client, path, window=windows[1], group_by="region")
    assert second.text("#groups select [selected]") == windows[1]
    assert shown(reports, path, window=windows[1])[0].startswith("East, far & <i> 0 % Open 1 h")
    only = get_page(reports.client, f"/reports/{reports.report(as_of=T, windows=['P2D'])}")
    assert only.all("#groups") != [] == only.all("#groups select")
    assert get_page(reports.client, path, 422, window="week").text(".eyebrow") == "422"


@pytest.mark.slow
def test_the_groups_that_are_not_shown_are_counted_and_in_the_csv(
    reports: Reports, monkeypatch: pytest.MonkeyPatch
) -> None:
    stores(reports)
    monkeypatch.setattr(report_pages, "_MAX_GROUPS", 1)
    report_id = reports.report(as_of=T)
    path = f"/reports/{report_id}"
    assert shown(reports, path, window="day") == [REGIONS[0], REGIONS[3]]
    page = get_page(reports.client, path)
    assert page.texts("#groups .note")[-1].startswith("2 more groups are not shown. ")
    answer = reports.client.get(address(page, "#groups .note a"))
    assert answer.text.splitlines() == reports.csv(report_id, group_by="region")


@pytest.mark.slow
def test_a_group_leads_to_the_stores_that_have_its_label(reports: Reports) -> None:
    stores(reports)
    report_id = reports.report(as_of=T)
    reports.label("c", region="")
    page = get_page(reports.client, f"/reports/{report_id}", window="day")
    links = page.all("#groups th a")
    assert [link.text() for link in links] == ["East, far & <i>", "west"]  # east is no more
    found = [get_page(reports.client, str(link.attributes["href"])) for link in links]
    assert [len(page.all("table.stores tbody tr")) for page in found] == [1, 2]


def test_without_labels_there_are_no_groups(reports: Reports) -> None:
    stores(reports)
    reports.label("e", region="")
    some = reports.report(as_of=T, store_ids=["d", "e"])
    assert get_page(reports.client, f"/reports/{some}", group_by="x").all("#groups") == []
    unlabelled = get_page(reports.client, f"/reports/{reports.trigger()}", group_by="region")
    assert unlabelled.all("#groups") == []


@pytest.mark.parametrize("key", ["area", "name", ""])
def test_an_unknown_key_is_an_error(reports: Reports, key: str) -> None:
    stores(reports)
    page = get_page(reports.client, f"/reports/{reports.report(as_of=T)}", 422, group_by=key)
    assert f"unknown label: {key}; there are region" in page.text()


def test_a_bookmark_of_the_overview_by_a_label_that_is_gone_shows_another(reports: Reports) -> None:
    stores(reports)
    reports.report(as_of=T)
    [shown] = get_page(reports.client, "/", group_by="area").all("#groups")
    assert "Uptime by region" in shown.text()


@pytest.mark.slow
def test_the_overview_shows_the_worst_groups_of_the_last_day(
    reports: Reports, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert get_page(reports.client, "/", group_by="region").all("#groups") == []
    stores(reports)
    reports.label("d", brand="x")
    report_id = reports.report(as_of=T)
    reports.report(as_of=T, store_ids=["a"])
    page = get_page(reports.client, "/")
    assert page.text("#groups h2") == "Uptime by brand in the last day"
    assert shown(reports, f"/{address(page, '#groups .tabs a:last-child')}") == REGIONS
    monkeypatch.setattr(overview, "_MAX_WORST", 2)
    fewer = get_page(reports.client, "/", group_by="region")
    assert len(groups(fewer)) == 3
    assert fewer.text("#groups .note") == "1 more group in the report"
    whole = address(fewer, "#groups .note a")
    assert whole.startswith(f"/reports/{report_id}?")
    assert shown(reports, whole) == REGIONS
