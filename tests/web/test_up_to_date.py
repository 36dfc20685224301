"""Pages stay up to date where they are: after an action, and while a visitor only looks."""

from datetime import timedelta
from pathlib import Path

from playwright.sync_api import Locator, Page, expect
from tools.service import Service

from openhours.times import iso, now
from tests.helpers.csv_files import status_csv
from tests.helpers.waiting import wait_for
from tests.web.conftest import good_for_all

STORE = "1003"
POLLS = ["2023-01-23 16:14:00 active", "2023-01-23 17:14:00 inactive"]
# Counts what is said aloud on this document; a new document would begin anew.
LISTEN = """() => {
    window.said = [];
    for (const live of document.querySelectorAll("[role=status], [role=alert]"))
        new MutationObserver(() => window.said.push(live.textContent))
            .observe(live, { childList: true, characterData: true, subtree: true });
    const alerts = (node) =>
        node.nodeType !== Node.ELEMENT_NODE ? []
        : [node, ...node.querySelectorAll("*")].filter((one) => one.matches("[role=alert]"));
    new MutationObserver((changes) => {
        for (const { addedNodes } of changes)
            for (const node of addedNodes)
                window.said.push(...alerts(node).map((one) => one.textContent));
    }).observe(document.body, { childList: true, subtree: true });
}"""
# The next answer breaks off before it is whole.
BREAK_OFF = """() => {
    const ask = window.fetch;
    window.fetch = async (...asked) => {
        window.fetch = ask;
        const answer = await ask(...asked);
        const pull = (body) => {
            body.error(new TypeError("network error"));
            window.brokeOff = true;
        };
        return new Response(new ReadableStream({ pull }), answer);
    };
}"""
COME_BACK = "document.dispatchEvent(new Event('visibilitychange'))"


def card(page: Page, heading: str) -> Locator:
    return page.get_by_role("region", name=heading, exact=True)


def test_an_upload_is_listed_and_says_little_aloud(page: Page, tmp_path: Path) -> None:
    page.goto("/")
    page.evaluate(LISTEN)
    file = tmp_path / "polls.csv"
    file.write_bytes(status_csv(POLLS * 3_000, STORE))
    page.set_input_files("#csv", file)
    expect(card(page, "Files").get_by_role("status")).to_contain_text("polls.csv: 2 loaded")
    expect(card(page, "Files").locator(".files")).to_contain_text("polls.csv 2 loaded")
    expect(page.get_by_role("heading", level=1)).to_have_text("1 store, no report yet")
    assert 1 <= len(page.evaluate("window.said")) <= 5


def test_after_generate_the_headline_tells_the_new_report_and_the_focus_stays(
    page: Page, service: Service
) -> None:
    page.goto("/")
    page.evaluate(LISTEN)
    button = page.get_by_role("button", name="Generate report")
    button.focus()
    page.keyboard.press("Enter")
    expect(card(page, "Report").get_by_role("status")).to_contain_text("Complete: 1 store.")
    expect(page.get_by_role("heading", level=1)).to_have_text("0 of 1 open store had no downtime")
    expect(button).to_be_focused()
    expect(card(page, "Report").get_by_role("link", name="Open report")).to_be_visible()
    expect(page.get_by_role("table")).to_contain_text(STORE)
    assert 1 <= len(page.evaluate("window.said")) <= 4

    sent = service.client.post("/ingest/status?name=later.csv", content=status_csv(LATER, STORE))
    file = sent.json()["ingestion_id"]
    wait_for(lambda: service.client.get(f"/ingestions/{file}").json()["state"] == "complete")
    page.evaluate(COME_BACK)
    expect(page.locator(".notice")).to_contain_text("1 file was loaded since the newest report.")
    good_for_all(page)
    page.get_by_role("button", name="Generate a new report").click()
    expect(page.locator(".notice")).to_have_count(0)
    expect(page.locator("#now")).to_be_focused()


def test_a_visitor_who_selects_text_is_not_disturbed(page: Page, service: Service) -> None:
    page.goto("/")
    expect(page.locator(".tile", has_text="PC").locator("strong")).to_have_text("0")
    page.evaluate("document.getSelection().selectAllChildren(document.querySelector('h1'))")
    service.client.post("/track", json={"pc": "desk"}).raise_for_status()
    with page.expect_response("**/"):
        page.evaluate(COME_BACK)
    selected = page.evaluate("document.getSelection().toString()")
    assert selected == page.get_by_role("heading", level=1).inner_text()
    page.evaluate("document.getSelection().removeAllRanges()")
    page.evaluate(COME_BACK)
    expect(page.locator(".tile", has_text="PC").locator("strong")).to_have_text("1")


def test_pcs_refresh_by_themselves(page: Page, service: Service) -> None:
    page.clock.install()
    hour_ago = iso(now() - timedelta(hours=3))
    service.client.post("/track", json={"pc": "attic", "event_time": hour_ago}).raise_for_status()
    page.goto("/pcs")
    row = page.get_by_role("table", name="PCs").get_by_role("row", name="attic")
    expect(row).to_contain_text("last heard 3 h ago")
    page.get_by_label("From").fill("2026-01-01T00:00")
    service.client.post("/track", json={"pc": "attic"}).raise_for_status()
    page.evaluate(BREAK_OFF)
    page.clock.run_for(15_000)
    expect(row).to_contain_text("last heard 3 h ago")
    # `wait_for_function` would need eval, which the CSP forbids.
    wait_for(lambda: page.evaluate("window.brokeOff === true"))
    page.clock.run_for(15_000)
    expect(row).to_contain_text("on now")
    expect(page.get_by_label("From")).to_have_value("2026-01-01T00:00")
    page.goto("/pcs?pc=attic")
    expect(page.get_by_role("table", name="Heartbeats").locator("tbody tr")).to_have_count(2)
    block = page.locator(".day svg:has(a + a)").last.locator("a").nth(1)
    block.focus()
    service.client.post("/track", json={"pc": "attic"}).raise_for_status()
    page.clock.run_for(15_000)
    expect(page.get_by_role("table", name="Heartbeats").locator("tbody tr")).to_have_count(3)
    expect(block).to_be_focused()
    expect(block).to_have_attribute("tabindex", "0")


def test_the_description_of_the_api_follows_the_theme_and_leads_back(page: Page) -> None:
    page.emulate_media(color_scheme="dark")
    page.goto("/docs")
    description = page.locator("html.dark-mode #swagger-ui")
    description.locator("#operations-tag-reports").click()
    expect(description).to_contain_text("/trigger_report")
    expect(description.locator("#operations-reports-trigger_report")).to_be_visible()
    page.emulate_media(color_scheme="light")
    expect(page.locator("html.dark-mode")).to_have_count(0)
    page.get_by_role("banner").get_by_role("link", name="openhours").click()
    expect(page.get_by_role("navigation", name="Pages")).to_be_visible()


LATER = ["2023-01-23 18:14:00 active"]
