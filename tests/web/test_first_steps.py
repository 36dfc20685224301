"""From nothing to a report, as a person does it: bring files, generate, watch, download."""

import subprocess
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect
from tools.service import Service

from tests.helpers.csv_files import hours_csv, status_csv, zone_csv
from tests.web.conftest import drop, good_for_all

PAGES = ("/", "/stores", "/reports", "/pcs", "/traffic", "/activity", "/signin")
STORE = "8139926242460185114"
# Parts of the page that scroll sideways.
SIDEWAYS = """[...document.querySelectorAll(".scroll")]
    .filter((part) => part.scrollWidth > part.clientWidth)
    .map((part) => part.getAttribute("aria-label"))"""
POLLS = [
    "2023-01-23 16:14:00 active",
    "2023-01-23 16:50:00 active",
    "2023-01-23 17:14:00 active",
    "2023-01-23 18:15:00 inactive",
]


@pytest.mark.parametrize("path", PAGES)
def test_before_there_is_anything_each_page_says_what_to_do(page: Page, path: str) -> None:
    page.goto(path)
    expect(page.locator("main")).to_contain_text(
        {
            "/": "Upload three CSV files",
            "/stores": "Upload a CSV on the overview",
            "/reports": "Upload your files on the overview",
            "/pcs": "openhours agent --server http://127.0.0.1",
            "/traffic": "POST /visit",
            "/activity": "POST /api/event",
            "/signin": "openhours keys create",
        }[path]
    )
    good_for_all(page)


def test_files_are_brought_and_a_report_is_generated(
    page: Page, service: Service, tmp_path: Path
) -> None:
    page.goto("/")
    status = page.locator("section:has(> h2:text('Files')) .progress [role=status]")
    bring(page, tmp_path / "zones.csv", zone_csv("America/Denver", STORE))
    expect(status).to_contain_text("zones.csv: 1 loaded, 0 already loaded, 0 rejected.")
    bring(page, tmp_path / "a.csv", hours_csv([(0, "09:00", "12:00")], STORE))
    expect(status).to_contain_text("a.csv: 1 loaded")
    polls = status_csv(POLLS, STORE)
    polls += b"8.13993E+018,active,2023-01-23 18:15:00 UTC\n<b>x</b>,asleep,2023-01-23 18:15:00\n"
    drop(page, {"polls.csv": polls})
    expect(status).to_contain_text("polls.csv: 4 loaded, 0 already loaded, 2 rejected.")
    rejects = page.locator("#outcome")
    expect(rejects).to_contain_text("1 row: A spreadsheet has rounded the store id.")
    expect(rejects).to_contain_text("1 row: The status is neither active nor inactive.")
    expect(rejects).to_contain_text("<b>x</b>,asleep")
    good_for_all(page)

    bring(page, tmp_path / "Labels.csv", f"store_id,day after\n{STORE},x\n".encode())
    expect(status).to_contain_text("Labels.csv: 1 loaded")

    page.get_by_label("List outages").check()
    page.get_by_role("button", name="Generate report").click()
    made = page.locator("section:has(> h2:text('Report'))")
    expect(made.get_by_role("status")).to_contain_text("Complete: 1 store.")
    with page.expect_download() as download:
        made.get_by_role("link", name="Download CSV").first.click()
    (report,) = service.client.get("/reports").json()
    assert download.value.suggested_filename.startswith("report-20230123T181500Z-")
    text = Path(download.value.path()).read_bytes()
    assert text == service.client.get(report["url"]).content
    assert STORE.encode() in text

    assert (report["outages"], report["intervals"]) == (True, True)
    page.goto(f"/reports/{report['report_id']}")
    outages = page.get_by_role("region", name="Outages").locator("tbody tr")
    expect(outages).to_have_count(1)
    expect(outages).to_contain_text("ongoing")
    expect(page.get_by_role("img", name="Polls that were predicted")).to_be_visible()
    page.get_by_text("The dots as a table").click()
    page.get_by_text("The line on a bar").click()
    good_for_all(page)
    size = page.viewport_size
    assert size is not None
    page.set_viewport_size({"width": 390, "height": 844})
    for path in (f"/reports/{report['report_id']}", "/", "/stores", f"/stores/{STORE}"):
        page.goto(path)
        expect(page.locator(".whisker").first).to_be_visible()
        assert page.evaluate("document.documentElement.scrollWidth") <= 390
        assert page.evaluate(SIDEWAYS) == []
        good_for_all(page)
    page.set_viewport_size(size)
    page.goto(f"/reports/{report['report_id']}")
    outages.get_by_role("link", name=STORE).click()
    expect(page.get_by_role("tooltip")).to_contain_text("down: nearest poll 11:15 inactive")
    good_for_all(page)

    page.goto(f"/files/{service.client.get('/ingestions').json()[1]['ingestion_id']}")
    expect(page.locator("h1")).to_have_text("polls.csv")
    good_for_all(page)


def test_a_report_can_be_generated_without_any_script(page: Page) -> None:
    page.route("**/*.js", lambda route: route.fulfill(body="", content_type="text/javascript"))
    page.goto("/reports")
    page.get_by_role("button", name="Generate report").click()
    expect(page.locator("h1")).to_contain_text("Report of")


def test_what_a_page_says_to_send_is_accepted(page: Page, service: Service) -> None:
    page.goto("/pcs")
    command = page.locator("#by-hand").inner_text()
    sent = subprocess.check_output(["bash", "-c", f"{command} -s"])
    assert b'"pc":"desk"' in sent
    page.reload()
    expect(page.get_by_role("heading", name="desk")).to_be_visible()
    expect(page.locator(".lead")).to_contain_text("on now")


def bring(page: Page, file: Path, content: bytes) -> None:
    file.write_bytes(content)
    page.set_input_files("#csv", file)
