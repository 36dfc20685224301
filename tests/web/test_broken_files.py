"""A file that cannot be loaded: the page says what it is and what was expected, and keeps it."""

import io
import zipfile
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect
from tools.service import Service

from tests.web.conftest import good_for_all

EXPECTED = "Expected a CSV file whose first line names its columns."
ZONES = b"store_id,timezone_str\n17,America/Denver\n"


def zipped(name: str, content: bytes) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(name, content)
    return packed.getvalue()


@pytest.mark.parametrize(
    ("name", "content", "found"),
    [
        ("empty.csv", b"", "empty.csv is empty: it has no bytes."),
        ("menu.csv", b"%PDF-1.7\n1 0 obj", "menu.csv is a PDF."),
        (
            "polls.xlsx",
            zipped("[Content_Types].xml", b"<Types/>"),
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
    choose(page, tmp_path / "a.zip", zipped("zones.csv", ZONES))
    expect(page.get_by_role("status").first).to_contain_text("a.zip: 1 loaded")


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
