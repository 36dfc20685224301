"""With keys made: nothing without signing in, and all that pages send carries their token."""

from pathlib import Path

from playwright.sync_api import Page, expect

from tests.helpers.csv_files import status_csv

KEY = "an admin key of 24 chars"
ENVIRONMENT = {"OPENHOURS_ADMIN_KEY": KEY}


def test_who_signs_in_with_a_key_can_bring_files_and_generate(page: Page, tmp_path: Path) -> None:
    page.goto("/stores?q=8")
    page.locator("#key").fill(KEY)
    page.get_by_role("button", name="Sign in with the key").click()
    expect(page.get_by_role("heading", name="Stores", exact=True)).to_be_visible()
    expect(page.get_by_label("Search")).to_have_value("8")
    page.goto("/")
    file = tmp_path / "polls.csv"
    file.write_bytes(status_csv(["2023-01-23 17:14:00 active"]))
    page.set_input_files("#csv", file)
    expect(page.locator("main")).to_contain_text("polls.csv: 1 loaded")
    page.get_by_role("button", name="Generate report").click()
    expect(page.locator("main")).to_contain_text("Complete: 1 stores.")
    page.goto("/reports")
    page.get_by_role("button", name="Generate report").click()
    expect(page.locator("h1")).to_contain_text("Report of")
    page.get_by_role("button", name="Sign out").click()
    page.goto("/")
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
