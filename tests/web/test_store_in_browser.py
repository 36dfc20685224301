"""A store's page by mouse, thumb and keyboard, on paper, and without the clipboard."""

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect
from tools.service import Service

from openhours.web.formatting import store_url
from tests.helpers.csv_files import hours_csv, status_csv, zone_csv
from tests.web.conftest import good_for_all

STORE = "chain/7 & more?#%"
ADDRESS = store_url(STORE)
ANOTHER_PART_WAS_REPLACED = """
import(document.querySelector("script[type=module]").src.replace("page.js", "week.js"))
  .then((week) => week.explainWeeks())
"""


@pytest.fixture(scope="module")
def stocked(service: Service) -> Iterator[Service]:
    """A store that was down on one Monday, and up on the next."""
    service.upload("timezones", zone_csv("America/Denver", STORE))
    service.upload("hours", hours_csv([(0, "09:00", "12:00")], STORE))
    polls = ["16 17:30:00 inactive", "23 17:14:00 active", "23 18:14:00 active"]
    service.upload("status", status_csv([f"2023-01-{poll}" for poll in polls], STORE))
    service.upload("status", status_csv(["2023-01-23 19:00:00 active"], "late"))
    yield service


def test_a_store_s_week_says_why(page: Page, stocked: Service) -> None:
    page.goto(ADDRESS)
    expect(page.locator("h1")).to_have_text(STORE)
    piece = page.locator(".day a").first
    words = "09:14 to 12:00 up: polls 10:14 to 11:14, both active; open Mon 09:00-12:00 America"
    page.locator(".day a").nth(1).hover()
    bubble = page.get_by_role("tooltip")
    expect(bubble).to_contain_text(words)
    bubble.hover()
    expect(bubble).to_be_visible()
    piece.focus()
    expect(bubble).to_contain_text("estimated: nearest poll 10:14")
    page.keyboard.press("End")
    expect(bubble).to_contain_text(words)
    page.keyboard.press("Home")
    page.keyboard.press("ArrowRight")
    expect(bubble).to_contain_text(words)
    good_for_all(page)
    page.keyboard.press("Escape")
    expect(bubble).to_be_hidden()
    expect(page.locator(".day a").nth(1)).to_be_focused()
    page.evaluate(ANOTHER_PART_WAS_REPLACED)
    expect(bubble).to_be_hidden()
    expect(page.locator(".day a").nth(1)).to_have_attribute("tabindex", "0")
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile(r"at=2023-01-23T16%3A14"))
    with page.context.expect_page() as other:
        piece.click(modifiers=["Control"])
    expect(other.value).to_have_url(re.compile(r"at=2023-01-23T16%3A00"))
    expect(page).to_have_url(re.compile(r"at=2023-01-23T16%3A14"))
    page.reload()  # the server says the same
    expect(bubble).to_contain_text(words)
    page.get_by_role("link", name="Earlier week").click()
    expect(page.locator("h2").first).to_have_text("9–16 Jan 2023")
    good_for_all(page)


def test_on_a_phone_a_tap_tells_why_at_the_block(
    browser: Browser, page: Page, stocked: Service
) -> None:
    context = browser.new_context(
        base_url=stocked.url, viewport={"width": 390, "height": 844}, has_touch=True
    )
    tapped = context.new_page()
    tapped.goto(ADDRESS)
    block = tapped.locator(".day a").nth(1)
    block.tap()
    bubble = tapped.get_by_role("tooltip")
    expect(bubble).to_contain_text("09:14 to 12:00 up: polls 10:14 to 11:14")
    box, told = block.bounding_box(), bubble.bounding_box()
    assert box is not None
    assert told is not None
    assert (
        abs(told["y"] - box["y"] - box["height"]) < 20
        or abs(told["y"] + told["height"] - box["y"]) < 20
    )
    assert told["x"] >= 0
    assert told["x"] + told["width"] <= 390
    assert tapped.evaluate("document.documentElement.scrollWidth") <= 390
    good_for_all(tapped)
    tapped.locator("h1").tap()
    expect(bubble).to_be_hidden()
    context.close()


def test_a_summary_is_copied_with_the_clipboard_and_without_it(
    page: Page, stocked: Service
) -> None:
    page.goto(f"{ADDRESS}?back=1")
    words = page.locator("#summary").input_value()
    assert "Down Mon 16 Jan 09:00 to 12:00, 3 h" in words
    paste = "async (text) => { await navigator.clipboard.writeText(text); }"
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    for refuse in ("", "navigator.clipboard.writeText = () => Promise.reject(new Error('no'))"):
        page.evaluate(paste, "something else")
        page.evaluate(f"() => {{ {refuse} }}")
        page.get_by_role("button", name="Copy summary").click()
        expect(page.locator(".summary [role=status]")).to_have_text("Copied")
        assert page.evaluate("navigator.clipboard.readText()") == words
        page.reload()


def test_on_paper_a_store_s_page_is_figures_and_pictures(page: Page, stocked: Service) -> None:
    page.goto(f"{ADDRESS}?back=1")
    page.emulate_media(media="print")
    for shown in (".tile", ".week", ".outages", "h1"):
        expect(page.locator(shown).first).to_be_visible()
    for hidden in ("header", "form.date", ".summary", "button", "footer"):
        for one in page.locator(hidden).all():
            expect(one).to_be_hidden()
