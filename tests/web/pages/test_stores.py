"""The list of stores, and a store's week with its reasons."""

from typing import Any

import pytest
from fastapi.testclient import TestClient

from openhours.web.formatting import store_url
from tests.helpers import stock
from tests.helpers.html import Html, get_page

ROWS = "table.stores tbody tr"


def names(page: Html) -> list[str]:
    return page.texts(f"{ROWS} th a")


def test_without_stores_it_says_how_they_appear(empty: TestClient) -> None:
    page = get_page(empty, "/stores")
    assert page.text(".empty h2") == "No stores yet"
    assert page.text(".note") == "0 stores. No report yet: generate one to see figures."
    assert get_page(empty, "/stores/nobody", 404).text("h1") == "Not found"


def test_stores_are_paged(stocked: TestClient) -> None:
    first = get_page(stocked, "/stores")
    assert len(first.all(ROWS)) == 50
    assert first.text(".pager") == "Page 1 of 2 Next"
    searches = [one.attributes.get("aria-label") for one in first.all("[role=search]")]
    assert searches == ["All stores", "These stores"]
    second = get_page(stocked, "/stores" + first.attribute("[rel=next]", "href"))
    both = names(first) + names(second)
    assert sorted(both) == sorted([*stock.STORES, "only-hours", "pc:desk & <b>chair</b>"])
    beyond = get_page(stocked, "/stores", page=9)
    assert beyond.text(".empty h2") == "This page does not exist"


@pytest.mark.parametrize(
    ("params", "count"),
    [
        ({"q": "STORE-05"}, 7),
        ({"q": "%"}, 1),
        ({"q": "_"}, 0),
        ({"feed": "beating"}, 1),
        ({"state": "unknown"}, 1),
        ({"state": "down", "window": "hour", "q": "store-00"}, 7),
        ({"over": "45", "window": "hour", "q": "store-00"}, 4),
        ({"q": "nobody"}, 0),
        ({"q": "ELM <I>"}, 1),
        ({"label": "region=west"}, 2),
        ({"label": ["region = west", "region=east", ""]}, 3),
        ({"label": ["region=west", "brand=a=b"]}, 1),
        ({"label": "region=west", "q": "nobody"}, 0),
        ({"label": ["", " "], "feed": "beating"}, 1),
    ],
)
def test_stores_are_searched_and_filtered(
    stocked: TestClient, params: dict[str, Any], count: int
) -> None:
    page = get_page(stocked, "/stores", **params)
    assert len(page.all(ROWS)) == count
    assert page.text("[role=status]").startswith(f"{count} store")
    assert [page.text(".empty h2")] == ["No matching stores"] if not count else page.all(".pager")


def test_names_stand_beside_ids(stocked: TestClient) -> None:
    page = get_page(stocked, "/stores", q=stock.NAMED)
    assert page.texts(f"{ROWS} th a") == [stock.NAMED]
    assert page.texts(f"{ROWS} th .name") == [stock.NAME]
    store = get_page(stocked, f"/stores/{stock.NAMED}")
    assert store.text("h1") == f"{stock.NAMED} {stock.NAME}"
    assert store.text("head title").startswith(f"{stock.NAME}, {stock.NAMED} ")
    assert store.texts(".labels li") == ["region: west"]
    others = get_page(stocked, store.attribute(".labels a", "href"))
    assert names(others) == [stock.NAMED, "store-004"]
    unnamed = get_page(stocked, "/stores/store-005")
    assert unnamed.texts(".labels li") == ["brand: a=b", "region: east"]
    assert unnamed.all("h1 .name") == []


def test_labels_are_chosen_from_those_there_are_and_stay_while_paging(stocked: TestClient) -> None:
    page = get_page(stocked, "/stores", label=["region=west", "region=east"], sort="percent")
    proposed = [node.attributes["value"] for node in page.all("#labels option")]
    assert proposed == ["brand=a=b", "region=east", "region=west"]
    given = [node.attributes["value"] for node in page.all("input[name=label]")]
    assert given == ["region=west", "region=east"]
    link = page.all("thead a")[0].attributes["href"]
    assert link is not None
    assert len(get_page(stocked, f"/stores{link}").all(ROWS)) == 3


def test_stores_are_sorted_by_uptime_with_unknown_ones_last(stocked: TestClient) -> None:
    down = get_page(stocked, "/stores", sort="percent", order="down")
    assert down.one("[aria-sort]").attributes["aria-sort"] == "descending"
    assert down.texts(f"{ROWS} .share")[0] == "100 %"
    up = get_page(stocked, "/stores", sort="percent")
    assert up.texts(f"{ROWS} .share")[0] == "0 %"
    last = get_page(stocked, "/stores", sort="percent", page=2)
    assert stock.SCRIPT in names(last)[-3:]


@pytest.mark.parametrize(
    ("params", "field"),
    [
        ({"page": "0"}, "page"),
        ({"over": "x"}, "over"),
        ({"over": "nan"}, "over"),
        ({"sort": "name"}, "sort"),
        ({"q": "a\0b"}, "q"),
        ({"q": "x" * 65}, "q"),
        ({"label": "west"}, "label"),
        ({"label": "area=west"}, "label"),
        ({"label": "region=north"}, "label"),
    ],
)
def test_bad_parameters_are_named(stocked: TestClient, params: dict[str, Any], field: str) -> None:
    page = get_page(stocked, "/stores", 422, **params)
    assert page.text("main li").startswith(f"{field}: ")


def test_a_store_s_week_says_why_each_moment_counts(stocked: TestClient) -> None:
    page = get_page(stocked, store_url(stock.SLASHED), at="2023-01-23T16:30:00Z")
    assert page.text("h1") == stock.SLASHED
    reason = "09:14 to 11:14 up: polls 10:14 to 11:14, both active; open Mon 09:00-12:00 America"
    assert page.text("#why").startswith(reason)
    assert str(page.one(".day a.asked").attributes["aria-label"]).startswith(reason)
    labels = [str(node.attributes["aria-label"]) for node in page.all(".day a")]
    assert any("up, estimated: nearest poll 10:14" in label for label in labels)
    assert page.texts("table.compact tr")[:2] == ["Mon 09:00 to 12:00", "Tue closed"]
    assert page.texts(".tile span")[0].startswith("last hour: ")


def test_earlier_weeks_and_links_keep_the_report(stocked: TestClient) -> None:
    page = get_page(stocked, "/stores/store-003", report_id=stock.SECOND, back=1)
    assert page.text("#week-heading") == "9–16 Jan 2023"
    assert "this report" in page.texts(".note")[0]
    earlier = page.texts(".pager a")
    assert earlier == ["Later week"]
    links = [page.attribute(one, "href") for one in (".pager a", ".eyebrow a", ".labels a")]
    assert all(f"report_id={stock.SECOND}" in link for link in links)
    assert page.attribute(".date [name=report_id]", "value") == stock.SECOND
    # What the report says of it is not what the polls give.
    assert "changed after the report was made" in page.text(".alert")


def test_a_store_without_observations_is_unknown(stocked: TestClient) -> None:
    page = get_page(stocked, "/stores/only-hours")
    assert "no observation yet" in page.text(".eyebrow")
    assert "always open" in page.text("main")


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/stores/nobody", 404),
        ("/stores/store-001?at=x", 422),
        ("/stores/store-001?back=1501", 422),
        ("/stores/store-001?report_id=nothing", 404),
        (f"/stores/store-001?report_id={stock.QUEUED}", 409),
        (f"/stores/store-002?report_id={stock.PARTIAL}", 404),
        (f"/stores/store-001?report_id={stock.FIRST}&as_of=2023-01-23T18:30:00Z", 422),
        ("/stores/a%00b", 422),
    ],
)
def test_a_store_s_errors_are_pages(stocked: TestClient, path: str, status: int) -> None:
    assert get_page(stocked, path, status).text(".eyebrow") == str(status)
