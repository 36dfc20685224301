"""A file that cannot be loaded: the page says what it is and what was expected, and keeps it."""

import gzip
import io
import zipfile
from pathlib import Path

import pytest
from playwright.sync_api import Page, Route, expect
from tools.service import Service

from tests.web.conftest import drop, good_for_all

EXPECTED = "Expected a CSV file whose first line names its columns."
ZONES = b"store_id,timezone_str\n17,America/Denver\n"


# The first request to each of these paths fails.
FAIL_ONCE = """(paths) => {
    const ask = window.fetch;
    window.fetch = (url, options) => {
        const at = paths.findIndex((path) => String(url).includes(path));
        if (at < 0) return ask(url, options);
        paths.splice(at, 1);
        return Promise.reject(new TypeError("Failed to fetch"));
    };
}"""


def cut_off(route: Route) -> None:
    """Answer with events of which none has come."""
    route.fulfill(content_type="text/event-stream", body="retry: 100\n\n")


def zipped(members: dict[str, bytes]) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return packed.getvalue()


@pytest.mark.parametrize(
    ("name", "content", "found"),
    [
        ("empty.csv", b"", "empty.csv is empty: it has no bytes."),
        ("menu.csv", b"%PDF-1.7\n1 0 obj", "menu.csv is a PDF."),
        (
            "polls.xlsx",
            zipped({"[Content_Types].xml": b"<Types/>"}),
            "polls.xlsx is an Excel workbook: save it as CSV.",
        ),
        ("polls.csv", b"\x00\x01\x02\x03", "polls.csv is not text."),
        ("broken.gz", b"\x1f\x8bno gzip at all", "broken.gz is damaged: it cannot be unpacked."),
    ],
)
def test_what_is_no_csv_is_not_sent(
    page: Page, service: Service, tmp_path: Path, name: str, content: bytes, found: str
) -> None:
    page.goto("/")
    choose(page, tmp_path / name, content)
    expect(page.get_by_role("region", name="Files").get_by_role("status")).to_have_text(
        f"{found} {EXPECTED}"
    )
    expect(page.locator("[data-kept]")).to_be_hidden()
    assert service.client.get("/ingestions").json() == []


def test_a_zip_is_told_by_what_is_in_it(page: Page, tmp_path: Path) -> None:
    page.goto("/")
    choose(page, tmp_path / "a.zip", zipped({"zones.csv": ZONES}))
    expect(page.get_by_role("status").first).to_contain_text("a.zip: 1 loaded")
    shadow = {"__MACOSX/._zones.csv": b"\0\5\x16\7\n", "zones.csv": ZONES}
    choose(page, tmp_path / "mac.zip", zipped(shadow))
    expect(page.get_by_role("status").first).to_have_text(
        f"mac.zip is a zip file that begins with __MACOSX/._zones.csv. {EXPECTED}"
    )
    page.locator("[data-kept]").get_by_role("button", name="time zones").click()
    expect(page.get_by_role("status").first).to_contain_text("mac.zip: 0 loaded, 1 already loaded")


def test_what_a_browser_cannot_unpack_is_sent_when_its_type_is_chosen(
    page: Page, tmp_path: Path
) -> None:
    page.goto("/")
    page.evaluate("delete window.DecompressionStream")
    files = {"b.csv.gz": gzip.compress(ZONES), "b.zip": zipped({"zones.csv": ZONES})}
    for name, content in files.items():
        choose(page, tmp_path / name, content)
        status = page.get_by_role("region", name="Files").get_by_role("status")
        expect(status).to_have_text(
            f"{name} is packed, and this browser cannot look into it. {EXPECTED}"
        )
        page.locator("[data-kept]").get_by_role("button", name="time zones").click()
        expect(status).to_contain_text(f"{name}: 0 loaded, 1 already loaded")


def test_a_loaded_file_is_told_as_loaded_though_the_server_was_away_for_a_moment(
    page: Page, tmp_path: Path
) -> None:
    page.goto("/")
    page.evaluate(FAIL_ONCE, ["/files/"])
    page.route("**/ingestions/*/events", cut_off, times=1)
    choose(page, tmp_path / "more.csv", b"store_id,timezone_str\n19,UTC\n20,Mars\n")
    status = page.get_by_role("region", name="Files").get_by_role("status")
    expect(status).to_contain_text("more.csv: 1 loaded, 0 already loaded, 1 rejected.")
    expect(page.locator(".files")).to_contain_text("more.csv 1 loaded, 1 rejected")
    expect(page.locator("[data-kept]")).to_be_hidden()


def test_of_files_dropped_together_each_that_is_refused_is_told_and_kept(page: Page) -> None:
    page.goto("/")
    files = page.get_by_role("region", name="Files")
    status, kept = files.get_by_role("status"), files.locator("[data-kept]")
    dropped = {
        "menu.csv": b"%PDF-1.7\n1 0 obj",
        "shops.csv": b"store_id,region\n18,west\n",
        "towns.csv": b"store_id,town\n18,Boulder\n",
        "zones.csv": b"store_id,timezone_str\n18,UTC\n",
    }
    drop(page, dropped)
    expect(files.locator(".files")).to_contain_text("zones.csv 1 loaded")
    expect(status).to_have_text(
        f"menu.csv is a PDF. {EXPECTED} "
        f"shops.csv begins with “store_id,region”, which are the columns of no type. {EXPECTED} "
        f"towns.csv begins with “store_id,town”, which are the columns of no type. {EXPECTED}"
    )
    for name in ("shops.csv", "towns.csv"):
        expect(kept).to_contain_text(f"Upload {name} as")
        kept.get_by_role("button", name="labels").focus()
        page.keyboard.press("Enter")
        expect(page.locator("#csv")).to_be_focused()
        expect(status).to_contain_text(f"{name}: 1 loaded")
    expect(kept).to_be_hidden()


def test_a_wrong_header_is_shown_and_the_file_is_kept_until_its_type_is_chosen(
    page: Page, tmp_path: Path
) -> None:
    page.goto("/")
    choose(page, tmp_path / "shops.csv", b"store_id,region\n17,west\n")
    files = page.get_by_role("region", name="Files")
    expect(files.get_by_role("status")).to_have_text(
        f"shops.csv begins with “store_id,region”, which are the columns of no type. {EXPECTED}"
    )
    kept = files.locator("[data-kept]")
    expect(kept).to_contain_text("Upload shops.csv as")
    expect(kept.locator("li", has_text="time zones")).to_contain_text("store_id, timezone_str")
    good_for_all(page)
    kept.get_by_role("button", name="time zones").click()
    expect(files.get_by_role("status")).to_have_text(
        "shops.csv was not loaded: not a time zones file: no column timezone_str"
    )
    kept.get_by_role("button", name="labels").click()
    expect(files.get_by_role("status")).to_contain_text("shops.csv: 1 loaded")
    expect(kept).to_be_hidden()


def choose(page: Page, file: Path, content: bytes) -> None:
    file.write_bytes(content)
    page.set_input_files("#csv", file)
