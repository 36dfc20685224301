"""The overview: what there is to do, and what the newest report says."""

from fastapi.testclient import TestClient

from tests.helpers import stock
from tests.helpers.html import get_page


def test_without_data_it_says_what_to_do(empty: TestClient) -> None:
    page = get_page(empty, "/")
    assert page.text("h1") == "Nothing here yet"
    assert page.texts(".tile strong") == ["0", "0", "none yet", "none yet", "0"]
    assert "No file yet" in page.text("section[aria-labelledby=files-heading]")
    assert page.attribute("form[data-generate]", "action") == "/reports/new"
    assert page.all(".strip") == []


def test_with_data_it_tells_the_state_and_the_longest_downtimes(stocked: TestClient) -> None:
    stocked.cookies.set("zone", "America/Denver")
    page = get_page(stocked, "/")
    known = len(stock.STORES) - 1  # SCRIPT is unknown
    up = sum(1 for n in range(2, known + 2) if n % 3 == 2)
    assert page.text("h1") == f"{up} of {known} open stores up throughout"
    assert "As of Mon 23 Jan 2023, 11:30 America/Denver" in page.text(".hero")
    assert page.attribute(".hero .note a", "href") == f"/reports/{stock.SECOND}"
    assert len(page.all(".strip g")) == 168
    assert page.texts(".strip title")[-1].endswith("an hour: 50 % of open time up")
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
        "cats.csv refused : no store_id column",
        "zones.csv 1 loaded",
        "polls.csv 2 loaded, 1 known before, 2 rejected",
    ]
