"""Each page as a person uses it, on a service with stores, PCs, visits, and hostile names."""

import re
from collections.abc import Iterator
from datetime import timedelta

import pytest
from playwright.sync_api import Page, expect
from tools.service import Service

from openhours.times import iso, now
from tests.helpers.csv_files import hours_csv, status_csv, zone_csv
from tests.helpers.webhook_receiver import SECRET
from tests.web.conftest import ZONE, good_for_all

SCRIPT = "<script>alert(1)</script>"
SLASHED = "chain/7 & more?#%"
LONG = "m" * 64
ENVIRONMENT = {
    "OPENHOURS_TARGET": "99.95",
    "OPENHOURS_WEBHOOK_URL": "http://127.0.0.1:1/nobody-is-there",
    "OPENHOURS_WEBHOOK_SECRET": SECRET,
}
PAGES = (
    "/", "/stores", "/hours/special", "/reports", "/reports/compare", "/corrections",
    "/corrections/new", "/deliveries", "/pcs", "/traffic", "/activity", "/signin",
)  # fmt: skip


@pytest.fixture(scope="module")
def stocked(service: Service) -> Iterator[Service]:
    stores = [SCRIPT, SLASHED, LONG, *(f"store-{n:03d}" for n in range(57))]
    polls = [
        f"{store},{'active' if n % 3 else 'inactive'},2023-01-23 {hour}:14:00 UTC"
        for n, store in enumerate(stores)
        for hour in (17, 18)
    ]
    text = "\n".join(["store_id,status,timestamp_utc", *polls, ""])
    service.upload("timezones", zone_csv("America/Denver", SLASHED))
    service.upload("hours", hours_csv([(0, "09:00", "12:00")], SLASHED))
    service.upload("status", text.encode())
    labels = [f"{store},{('east', 'west', LONG * 3)[n % 3]},x" for n, store in enumerate(stores)]
    text = "\n".join([f"store_id,brand,{LONG * 3}", *labels, ""])
    service.upload("labels", text.encode())
    service.upload("status", status_csv(["2023-01-23 19:00:00 active"], "late"))
    service.wait_report(service.trigger(as_of="2023-01-23T18:30:00Z"))
    service.wait_report(service.trigger(intervals=True))
    for minutes in range(90, 30, -1):
        at = iso(now() - timedelta(minutes=minutes))
        service.client.post("/track", json={"pc": "desk & <b>chair</b>", "event_time": at})
    for agent in ("Mozilla/5.0 Firefox/140.0", "Googlebot/2.1"):
        visit = {"user_id": "u", "page_url": f"https://example.org/{SCRIPT}", "user_agent": agent}
        service.client.post("/visit", json=visit)
    yield service


def test_the_overview_tells_the_state_and_the_worst(page: Page, stocked: Service) -> None:
    page.goto("/")
    page.reload()  # now the server knows the visitor's zone
    expect(page.locator("h1")).to_contain_text("open stores had no downtime")
    expect(page.locator("main")).to_contain_text(f"12:00 {ZONE}")
    expect(page.get_by_role("region", name="Stores").locator("tbody tr")).to_have_count(8)
    page.get_by_role("link", name="Open report").click()
    expect(page.locator("h1")).to_contain_text("Report of")
    assert stocked.process is not None


def test_stores_are_searched_sorted_filtered_and_paged(page: Page, stocked: Service) -> None:
    page.goto("/stores")
    rows = page.locator("tbody tr")
    expect(rows).to_have_count(50)
    page.get_by_role("link", name="Next").click()
    expect(rows).to_have_count(12)
    page.get_by_label("Search").fill("STORE-05")
    page.get_by_role("button", name="Show").click()
    expect(rows).to_have_count(7)
    page.get_by_role("link", name="Last week").click()
    expect(page.locator("th[aria-sort=ascending]")).to_contain_text("Last week")
    page.goto("/stores?feed=beating")
    expect(rows).to_have_count(1)
    page.goto("/stores?state=unknown")
    expect(rows).to_have_count(0)
    page.goto("/stores?over=100&window=day")
    expect(rows).not_to_have_count(0)
    page.goto("/stores")
    page.get_by_text("More filters").click()
    page.get_by_label("Target").select_option("missed")
    page.get_by_role("button", name="Show").click()
    expect(rows.first).to_contain_text("target 99.95 %: missed")
    expect(page.get_by_label("Target")).to_be_visible()  # what is filtered by is seen
    good_for_all(page)
    page.goto("/stores?q=%25")
    expect(rows).to_have_count(1)  # a letter like any other
    page.goto("/stores?q=nobody")
    expect(page.locator("main")).to_contain_text("No matching stores")


def test_a_phone_shows_the_first_stores_without_scrolling(page: Page, stocked: Service) -> None:
    del stocked
    page.set_viewport_size({"width": 390, "height": 844})
    page.goto("/stores")
    first = page.locator("tbody tr").first.bounding_box()
    assert first is not None
    assert first["y"] < 750


def test_a_store_as_a_report_saw_it_says_that_it_changed(page: Page, stocked: Service) -> None:
    report = stocked.trigger(store_ids=["store-001"])
    stocked.wait_report(report)
    page.goto(f"/stores/store-001?report_id={report}")
    expect(page.locator(".alert")).to_have_count(0)
    stocked.upload("status", status_csv(["2023-01-23 15:00:00 inactive"], "store-001"))
    page.reload()
    expect(page.locator(".alert")).to_contain_text("changed after the report was made")


def test_hostile_names_are_only_names(page: Page, stocked: Service) -> None:
    page.on("dialog", lambda dialog: pytest.fail(f"a script ran: {dialog.message}"))
    for store in (SCRIPT, LONG):
        page.goto("/stores")
        page.get_by_label("Search").fill(store)
        page.get_by_role("button", name="Show").click()
        page.get_by_role("link", name=store).click()
        expect(page.locator("h1")).to_have_text(store)
    page.set_viewport_size({"width": 360, "height": 740})
    for path in (*PAGES, f"/stores/{LONG}"):
        page.goto(path)
        wider = page.evaluate("document.documentElement.scrollWidth - innerWidth")
        assert wider <= 0, path


def test_reports_are_listed_shown_and_compared(page: Page, stocked: Service) -> None:
    page.goto("/reports")
    page.locator("tbody tr th a").nth(0).click()
    expect(page.locator("main")).to_contain_text("Compared with the report a week earlier")
    page.goto("/reports")
    page.locator("tbody tr", has_text="62").or_(page.locator("tbody tr", has_text="61")).locator(
        "th a"
    ).first.click()
    expect(page.get_by_role("group", name=re.compile("Distribution of uptime"))).to_be_visible()
    with page.expect_download() as download:
        page.get_by_role("link", name="Parquet").click()
    assert download.value.suggested_filename.endswith(".parquet")
    page.get_by_role("link", name="Last hour").click()
    expect(page.get_by_role("group", name=re.compile("last hour"))).to_be_visible()
    keys = page.get_by_role("navigation", name="Group by")
    keys.get_by_role("link", name=LONG * 3).click()
    expect(page.get_by_role("heading", name=f"Uptime by {LONG * 3}")).to_be_in_viewport()
    keys.get_by_role("link", name="brand").click()
    groups = page.get_by_role("region", name="Groups").locator("tbody tr")
    expect(groups).to_have_count(4)  # the last is without
    expect(groups.first).to_contain_text("0 %")
    good_for_all(page)
    page.set_viewport_size({"width": 390, "height": 844})
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    good_for_all(page)


def test_two_reports_are_chosen_and_what_differs_is_listed(page: Page, stocked: Service) -> None:
    first, second = stocked.trigger(as_of="2023-01-23T18:30:00Z"), stocked.trigger()
    stocked.wait_report(first)
    stocked.wait_report(second)
    page.goto("/reports")
    page.get_by_role("link", name="Compare reports").click()
    page.get_by_label("First report").select_option(first)
    page.get_by_label("Second report").select_option(second)
    page.get_by_role("button", name="Compare").click()
    expect(page.get_by_role("table", name="The two reports")).to_contain_text("11:30")
    page.get_by_role("link", name="another time").click()
    expect(page.get_by_role("heading", name="Stores that differ")).to_contain_text("another time")
    good_for_all(page)
    page.set_viewport_size({"width": 390, "height": 844})
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    good_for_all(page)


def test_a_correction_is_made_and_revoked(page: Page, stocked: Service) -> None:
    page.goto("/corrections")
    page.get_by_role("link", name="Make a correction").click()
    page.get_by_label("Stores with a label").check()
    expect(page.get_by_label("Search for stores")).to_be_hidden()
    page.get_by_label("These stores").check()
    page.get_by_label("Reason").fill("maintenance & <b>more</b>")
    page.get_by_label("Search for stores").fill(SCRIPT)
    page.keyboard.press("Enter")
    page.get_by_label(SCRIPT).check()
    good_for_all(page)
    page.get_by_label("Store ids").fill(SLASHED)
    page.get_by_label("From").fill("2023-01-23T12:00")
    page.get_by_label("To", exact=True).fill("2023-01-23T13:30")
    page.get_by_label("Counts as").select_option("not counted")
    page.get_by_label("Search for stores").fill("")
    page.get_by_label("Reason").press("Enter")
    row = page.locator("tbody tr")
    expect(row).to_have_count(1)
    expect(row).to_contain_text("to Mon 23 Jan 2023, 13:30")  # in the visitor's zone
    expect(row).to_contain_text(f"stores {SCRIPT}, {SLASHED}")
    expect(row).to_contain_text("maintenance & <b>more</b>")
    page.set_viewport_size({"width": 390, "height": 844})
    good_for_all(page)
    page.get_by_role("button", name="Revoke").click()
    expect(page.locator("tr.revoked")).to_have_count(1)
    expect(page.get_by_role("button", name="Revoke")).to_have_count(0)
    assert stocked.process is not None


def test_a_pc_shows_when_it_was_on_and_its_history(page: Page, stocked: Service) -> None:
    stocked.client.post("/track", json={"pc": "joe-pc"})
    page.goto("/pcs")
    expect(page.get_by_role("row", name="joe-pc on now")).to_be_visible()
    page.get_by_role("link", name="desk & <b>chair</b>").first.click()
    expect(page.get_by_role("heading", name="desk & <b>chair</b>")).to_be_visible()
    expect(page.get_by_role("table", name="On and off").locator("tbody tr")).to_have_count(2)
    expect(page.get_by_role("table", name="Heartbeats").locator("tbody tr")).to_have_count(60)
    page.wait_for_load_state()
    piece = page.locator(".day a:has(.on)").first
    piece.hover()
    bubble = page.get_by_role("tooltip")
    expect(bubble).to_contain_text("each good for 150 s")
    why = bubble.inner_text()
    piece.click()
    expect(page).to_have_url(re.compile(r"/pcs\?pc=desk.*at=.*#why"))
    page.reload()
    expect(bubble).to_have_text(why)
    page.locator("#hours").fill("daily  8:00-18:00")
    page.get_by_label("Time zone").fill("America/Denver")
    page.get_by_role("button", name="Save").click()
    expect(page.locator("#hours")).to_have_value("mon-sun 08:00-18:00")
    good_for_all(page)
    page.set_viewport_size({"width": 390, "height": 844})
    for path in ("/pcs", "/pcs?pc=joe-pc"):
        page.goto(path)
        assert page.evaluate("document.documentElement.scrollWidth") <= 390
        good_for_all(page)


def test_traffic_keeps_bots_apart(page: Page, stocked: Service) -> None:
    page.goto("/traffic")
    tiles = page.get_by_role("region", name="Visits", exact=True)
    expect(tiles).to_contain_text("1visit by people")
    expect(tiles).to_contain_text("1visit by bots")
    expect(page.locator("main")).to_contain_text(SCRIPT)


def test_an_event_is_recorded_and_found(page: Page, stocked: Service) -> None:
    page.goto("/activity")
    form = page.locator("form[method=post][action='/activity']")
    form.get_by_label("User").fill("6")
    form.get_by_label("Action").select_option("deleted")
    form.get_by_label("Metadata").fill('{"document": "<i>17</i>"}')
    form.get_by_role("button", name="Record").click()
    rows = page.get_by_role("table", name="Events").locator("tbody tr")
    expect(rows).to_have_count(1)
    expect(rows).to_contain_text('{"document": "<i>17</i>"}')
    page.goto("/activity?user_id=7")
    expect(page.locator("main")).to_contain_text("No events match")


@pytest.mark.parametrize("path", PAGES)
def test_pages_are_good_for_all(page: Page, stocked: Service, path: str) -> None:
    page.goto(path)
    good_for_all(page)
