"""docs/tasks.md: what people come for, on the sample, in no more clicks than it says there."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect
from tools.service import Service

from tests.helpers.clients import PASSWORD
from tests.web.conftest import PATIENCE, ZONE, tell_zone, watched

# Also over several documents; a click on a label's text is one, though its field gets one, too.
COUNT_CLICKS = """addEventListener("pointerdown", () => {
    sessionStorage.clicks = Number(sessionStorage.clicks ?? 0) + 1;
}, true)"""


@pytest.fixture
def page(browser: Browser, service: Service) -> Iterator[Page]:
    """A visitor whose clicks are counted."""
    context = browser.new_context(base_url=service.url, timezone_id=ZONE)
    context.grant_permissions(["clipboard-read", "clipboard-write"])
    context.set_default_timeout(PATIENCE)
    context.add_init_script(COUNT_CLICKS)
    tell_zone(context, service.url)
    page = context.new_page()
    faults = watched(page, service.url)
    yield page
    context.close()
    assert faults == []


def begin(page: Page, path: str = "/") -> None:
    page.goto(path)
    page.evaluate("sessionStorage.clear()")


def clicks(page: Page) -> int:
    return int(page.evaluate("Number(sessionStorage.clicks ?? 0)"))


def test_the_sample_is_loaded_and_a_report_made_in_two(page: Page) -> None:
    begin(page)
    page.get_by_role("button", name="Load the sample").click()
    expect(page.locator("h1")).to_have_text("60 stores, no report yet")
    page.get_by_role("button", name="Generate report").click()
    expect(page.locator("h1")).to_contain_text("open stores had no downtime")
    assert clicks(page) == 2


def test_which_stores_were_down_last_week_why_and_what_to_tell(page: Page) -> None:
    begin(page)
    page.get_by_role("navigation", name="Pages").get_by_role("link", name="Stores").click()
    worst = page.locator("table.stores tbody tr").first
    expect(worst).to_contain_text("92 h down")
    worst.get_by_role("link").click()
    expect(page.get_by_role("list", name="Outages")).to_contain_text("Down ")
    page.get_by_role("button", name="Copy summary").click()
    expect(page.get_by_text("Copied")).to_be_visible()
    assert clicks(page) == 3
    copied = page.evaluate("navigator.clipboard.readText()")
    assert "Blue Door Castle Hill" in copied
    assert "Down " in copied


def test_why_a_shop_was_down(page: Page) -> None:
    begin(page)
    page.get_by_role("search", name="All stores").get_by_role("searchbox").click()
    page.keyboard.type("door castle")
    page.keyboard.press("Enter")
    expect(page.locator("h1")).to_contain_text("Blue Door Castle Hill")
    page.locator(".day a:has(.down)").first.click()
    expect(page.get_by_role("tooltip")).to_contain_text("inactive")
    assert clicks(page) == 2


def test_whether_a_pc_is_on(page: Page, service: Service) -> None:
    service.client.post("/track", json={"pc": "joe"}).raise_for_status()
    begin(page)
    page.get_by_role("navigation", name="Pages").get_by_role("link", name="PCs").click()
    expect(page.locator("h1")).to_have_text("joe")
    expect(page.locator(".lead")).to_contain_text("on now")
    expect(page.get_by_role("table", name="On and off").locator("tbody tr")).to_have_count(1)
    assert clicks(page) == 1


def test_a_csv_that_no_header_tells_is_loaded_all_the_same(page: Page, tmp_path: Path) -> None:
    file = tmp_path / "shops.csv"
    file.write_text("store_id,owner\n17,Ann\n")
    begin(page)
    files = page.get_by_role("region", name="Files")
    with page.expect_file_chooser() as choosing:
        files.get_by_text("Upload a CSV").click()
    choosing.value.set_files(file)
    expect(files.get_by_role("status")).to_contain_text("begins with “store_id,owner”")
    files.get_by_role("button", name="labels").click()
    expect(files.get_by_role("status")).to_contain_text("shops.csv: 1 loaded")
    assert clicks(page) == 2


def test_a_session_that_was_forgotten_is_added(page: Page) -> None:
    page.goto("/timer")
    page.locator("#new-username").fill("ann")
    page.locator("#new-password").fill(PASSWORD)
    page.get_by_role("button", name="Create account").click()
    begin(page, "/timer")
    page.get_by_text("Add a session").click()
    page.locator("#add-name").click()
    page.keyboard.type("Budget")
    page.get_by_role("button", name="Add", exact=True).click()
    expect(page.get_by_role("table", name="List of sessions")).to_contain_text("Budget")
    assert clicks(page) == 3
