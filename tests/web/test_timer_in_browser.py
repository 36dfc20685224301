"""The timer as a person uses it: it survives the browser, on a phone, without scripts."""

import re
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, Playwright, ViewportSize, expect
from tools.service import Service

from openhours.times import local_time, now
from tests.helpers.chromium import ARGS, CHROMIUM
from tests.web.conftest import ZONE, good_for_all, tell_zone, watched

PHONE = ViewportSize(width=390, height=844)


def sign_up(page: Page, name: str) -> None:
    page.goto("/signin")
    page.locator("#new-username").fill(name)
    page.locator("#new-password").fill("correct horse")
    page.get_by_label("Time zone").fill(ZONE)
    page.get_by_role("button", name="Create account").click()
    expect(page.get_by_role("heading", name="Timer")).to_be_visible()


def nothing_is_wider(page: Page) -> None:
    """Nothing has to be scrolled sideways, and the current page stands in the navigation."""
    page.wait_for_load_state()
    width = page.evaluate("innerWidth")
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    wide = """[...document.querySelectorAll("main *, header *")].filter((one) =>
        one.scrollWidth > one.clientWidth + 1 && /auto|scroll/.test(getComputedStyle(one).overflowX)
    ).map((one) => one.outerHTML.slice(0, 80))"""
    assert page.evaluate(wide) == []
    current = page.locator("nav [aria-current=page]").bounding_box()
    assert current is not None
    assert current["x"] >= 0
    assert current["x"] + current["width"] <= width


@pytest.fixture
def scriptless(browser: Browser, service: Service) -> Iterator[Page]:
    """A visitor with a phone whose browser runs no scripts."""
    context = browser.new_context(
        base_url=service.url, timezone_id=ZONE, java_script_enabled=False, viewport=PHONE
    )
    yield context.new_page()
    context.close()


def test_the_timer_survives_closing_the_browser(
    playwright: Playwright, service: Service, tmp_path: Path
) -> None:
    def opened() -> tuple[Page, list[str]]:
        context = playwright.chromium.launch_persistent_context(
            tmp_path / "profile",
            executable_path=CHROMIUM,
            args=ARGS,
            timezone_id=ZONE,
            base_url=service.url,
        )
        tell_zone(context, service.url)
        page = context.pages[0]
        return page, watched(page, service.url)

    page, faults = opened()
    page.goto("/timer")
    page.locator("#new-username").fill("zoe")
    page.locator("#new-password").fill("correct horse")
    page.get_by_role("button", name="Create account").click()
    expect(page).to_have_url(f"{service.url}/timer")
    page.get_by_label("What are you working on?").fill("Invoices <i>")
    page.get_by_role("button", name="Start").click()
    expect(page.get_by_role("timer")).to_have_text(re.compile(r"^00:00:0\d$"))
    good_for_all(page)
    page.context.close()
    assert faults == []

    page, faults = opened()
    page.goto("/timer")
    expect(page.get_by_role("heading", name="Invoices <i>")).to_be_visible()
    expect(page.get_by_role("timer")).to_have_text(re.compile(r"^00:00:0[2-9]|00:00:\d\d$"))
    page.get_by_role("button", name="Stop").click()
    expect(page.get_by_label("What are you working on?")).to_be_visible()
    page.get_by_role("link", name="Edit Invoices <i>").click()
    page.locator("#edit-name").fill("Bills")
    page.locator("#edit-start").fill("2026-03-01T08:00")
    page.locator("#edit-end").fill("2026-03-01T09:30")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("table", name="List of sessions")).to_contain_text("1 h 30 min")
    page.goto("/timer?by=month")
    expect(page.locator("main")).to_contain_text("1 h 30 min in 12 months")
    good_for_all(page)
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
    page.context.close()
    assert faults == []


def test_a_forgotten_session_is_added_in_three_clicks_without_scripts(scriptless: Page) -> None:
    page = scriptless
    sign_up(page, "mia")
    yesterday = local_time(now(), ZONE).date() - timedelta(days=1)
    page.get_by_text("Add a session").click()
    page.locator("#add-name").click()
    page.keyboard.type("Design")
    page.locator("#add-start").fill(f"{yesterday}T09:00")
    page.locator("#add-end").fill(f"{yesterday}T08:30")
    page.get_by_role("button", name="Add").click()
    expect(page.locator("#add-end-wrong")).to_have_text("Must be after the start.")
    expect(page.locator("#add-name")).to_have_value("Design")
    page.locator("#add-end").fill(f"{yesterday}T10:30")
    page.get_by_role("button", name="Add").click()
    row = page.get_by_role("row", name="Design").last
    expect(row).to_contain_text(f"{yesterday:%a} {yesterday.day} {yesterday:%b %Y}, 09:00 to 10:30")
    page.get_by_role("link", name="Edit Design").click()
    page.get_by_role("button", name="Delete this session").click()
    expect(page.get_by_role("table", name="List of sessions")).to_have_count(0)
    page.get_by_role("button", name="Undo").click()
    expect(row).to_contain_text("1 h 30 min")


def test_sessions_follow_each_other_by_a_click_each_on_a_phone(page: Page) -> None:
    page.set_viewport_size(PHONE)
    sign_up(page, "ida")
    page.get_by_label("What are you working on?").fill("Write the report for the quarter")
    page.keyboard.press("Enter")
    page.get_by_label("Next task").fill("Design")
    page.get_by_role("button", name="Switch").click()
    expect(page.get_by_role("heading", name="Design")).to_be_visible()
    page.get_by_role("button", name="Continue Write the report for the quarter").click()
    expect(page.get_by_role("heading", name="Write the report for the quarter")).to_be_visible()
    rows = page.get_by_role("table", name="List of sessions").locator("tbody tr")
    expect(rows).to_have_count(3)
    nothing_is_wider(page)
    page.get_by_role("link", name="Edit Design").click()
    expect(page.locator("#edit-name")).to_have_value("Design")
    nothing_is_wider(page)
    good_for_all(page)
    page.get_by_role("button", name="Delete this session").click()
    expect(page.get_by_role("status")).to_contain_text("Deleted: Design")
    nothing_is_wider(page)
    good_for_all(page)
    clock = page.locator("header .running")
    for path in ("/traffic", "/activity", "/corrections", "/timer"):
        page.goto(path)
        expect(clock).to_contain_text(re.compile(r"Write the report.*00:00:\d\d"))
        nothing_is_wider(page)
    good_for_all(page)
    before = clock.inner_text()
    expect(clock).not_to_have_text(before)
    clock.click()
    page.get_by_role("button", name="Stop").click()
    expect(clock).to_have_count(0)


@pytest.mark.parametrize("width", [1000, 1280])
def test_the_running_clock_leaves_room_for_all_pages(page: Page, width: int) -> None:
    page.set_viewport_size({"width": width, "height": 844})
    sign_up(page, f"eva {width}")
    page.get_by_label("What are you working on?").fill("A task with a name that is very long")
    page.keyboard.press("Enter")
    expect(page.locator("header .running")).to_be_visible()
    nothing_is_wider(page)


def test_a_form_that_was_refused_is_good_for_all(browser: Browser, service: Service) -> None:
    context = browser.new_context(base_url=service.url, timezone_id=ZONE)
    tell_zone(context, service.url)
    page = context.new_page()
    sign_up(page, "kim")
    page.locator("#zone").fill("Mars")
    page.get_by_role("button", name="Change").click()
    expect(page.locator("#zone")).to_be_focused()
    expect(page.locator("#zone-wrong")).to_contain_text("Not an IANA time zone")
    good_for_all(page)
    context.close()
