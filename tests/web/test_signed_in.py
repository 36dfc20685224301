"""With keys made: nothing without signing in, and all that pages send carries their token."""

from pathlib import Path

from playwright.sync_api import Browser, Page, expect
from tools.service import Service

from tests.helpers.csv_files import status_csv
from tests.web.conftest import ZONE, watched

KEY = "an admin key of 24 chars"
ENVIRONMENT = {"OPENHOURS_ADMIN_KEY": KEY}


def test_who_signs_in_with_a_key_can_bring_files_and_generate(page: Page, tmp_path: Path) -> None:
    page.goto("/stores?q=8")
    page.locator("#key").fill(KEY)
    page.get_by_role("button", name="Sign in with the key").click()
    expect(page.get_by_role("heading", name="Stores", exact=True)).to_be_visible()
    expect(page.get_by_label("Search", exact=True)).to_have_value("8")
    page.goto("/")
    file = tmp_path / "polls.csv"
    file.write_bytes(status_csv(["2023-01-23 17:14:00 active"]))
    page.set_input_files("#csv", file)
    expect(page.locator("main")).to_contain_text("polls.csv: 1 loaded")
    page.get_by_role("button", name="Generate report").click()
    expect(page.locator("main")).to_contain_text("Complete: 1 store.")
    page.goto("/reports")
    page.get_by_role("button", name="Generate report").click()
    expect(page.locator("h1")).to_contain_text("Report of")
    expect(page.locator("main")).to_contain_text("All stores")  # complete: it is shown anew
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_role("button", name="Sign out")).to_have_count(0)
    page.goto("/")
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()


def test_the_first_page_already_tells_times_in_the_visitors_zone(
    browser: Browser, service: Service
) -> None:
    context = browser.new_context(base_url=service.url, timezone_id=ZONE)
    page = context.new_page()
    faults = watched(page, service.url)
    page.goto("/signin")
    expect(page.locator("footer")).to_contain_text(f"Times are in {ZONE}")
    page.locator("#key").fill(KEY)
    page.get_by_role("button", name="Sign in with the key").click()
    expect(page.locator("footer")).to_contain_text(f"Times are in {ZONE}")
    assert faults == []
    context.close()


def test_a_store_is_found_from_the_header_by_a_part_of_its_id(page: Page, service: Service) -> None:
    polls = status_csv(["2023-01-23 17:14:00 active"], "8139926242460185114")
    key = {"Authorization": f"Bearer {KEY}"}
    service.client.post("/ingest/status", content=polls, headers=key).raise_for_status()
    page.goto("/reports")
    page.locator("#key").fill(KEY)
    page.get_by_role("button", name="Sign in with the key").click()
    find = page.get_by_role("search", name="All stores").get_by_role("searchbox")
    find.fill("store 8139 9262")
    find.press("Enter")
    expect(page.locator("h1")).to_contain_text("8139926242460185114")
