"""Traffic: people and bots apart, by hour, page and referrer."""

from fastapi.testclient import TestClient

from tests.helpers import stock
from tests.helpers.html import get_page


def test_without_visits_it_says_how_to_log_one(empty: TestClient) -> None:
    page = get_page(empty, "/traffic")
    assert page.text(".empty h2") == "No visits in the last day"
    assert page.texts(".tile strong") == ["0", "0", "0"]


def test_visits_of_people_and_bots_are_apart(stocked: TestClient) -> None:
    page = get_page(stocked, "/traffic")
    assert page.texts(".tile") == [
        "1 visit by people", "1 visit by bots", "2 visits in total, including bots",
    ]  # fmt: skip
    pages, referrers = page.all(".card table")
    assert [node.text() for node in pages.css("tbody th")] == [f"/{stock.SCRIPT}"]
    found = sorted(node.text() for node in referrers.css("tbody th"))
    assert found == ["Direct or unknown", "https://a.b/"]
    assert len(page.all(".columns g")) in (24, 25)
    assert any(title.endswith("by bots") for title in page.texts(".columns title"))


def test_hours_are_in_the_visitor_s_zone(stocked: TestClient) -> None:
    stocked.cookies.set("zone", "Asia/Kolkata")
    page = get_page(stocked, "/traffic", hours=1)
    assert "Asia/Kolkata" in page.texts(".columns title")[0]
    assert ":30" in page.texts(".columns title")[-1]


def test_bad_parameters_are_named(stocked: TestClient) -> None:
    for hours in ("0", "169", "x"):
        page = get_page(stocked, "/traffic", 422, hours=hours)
        assert page.text("main li").startswith("hours: ")
