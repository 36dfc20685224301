"""Workbooks, read back by another library."""

import asyncio
import io
import math
import os
from collections.abc import AsyncIterator, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import openpyxl
import pandas as pd
import pytest
from openpyxl.utils.escape import unescape

from openhours.errors import Invalid
from openhours.reports import xlsx
from openhours.reports.formats import written
from openhours.reports.tabular import Heading, Table, figure
from tests.helpers.csv_files import ID
from tests.reports.computing import Reports

HEADINGS = [Heading("store_id", "store_id", "text"), figure("uptime", "in hours")]


def table(*pages: Sequence[tuple[str, float]], rows: int | None = None) -> Table:
    async def frames() -> AsyncIterator[pd.DataFrame]:
        for page in pages:
            yield pd.DataFrame(page, columns=["store_id", "uptime"])

    return Table(HEADINGS, sum(map(len, pages)) if rows is None else rows, frames())


def file_of(table: Table, folder: Path) -> bytes:
    async def write() -> bytes:
        return b"".join([chunk async for chunk in await written(table, "xlsx", folder, {})])

    return asyncio.run(write())


def sheet_of(content: bytes) -> Any:
    book = openpyxl.load_workbook(io.BytesIO(content))
    assert book.sheetnames == ["report"]
    return book.active


def test_ids_are_text_and_figures_numbers_below_a_header_that_stays(tmp_path: Path) -> None:
    sheet = sheet_of(file_of(table([(ID, 1.25)], [("b", math.nan)]), tmp_path))
    assert sheet.freeze_panes == "A2"
    cells = [[(cell.value, cell.data_type) for cell in row] for row in sheet.iter_rows()]
    assert cells == [
        [("store_id", "s"), ("uptime(in hours)", "s")],
        [(ID, "s"), (1.25, "n")],
        [("b", "s"), (None, "n")],
    ]
    assert sheet["B2"].number_format == "0.00"


@pytest.mark.parametrize(
    "text",
    [
        "=1+1",
        "{=SUM(A1)}",
        "@SUM(A1)",
        "+1",
        "-1",
        "007",
        "1e5",
        "TRUE",
        "https://example.com/",
        "mailto:a@b.c",
        "<r>",
        "<r></r>",
        "<r>x</r>",
        "<r><t>x</t></r>",
        "<b>&amp;\"'",
        "  spaces  ",
        "a\tb\nc\rd",
        "\x01\x1f\x7f\x85\u2028",
        "\ufffe\uffff",
        "_x0041_",
        "Größe 店 😀",
    ],
)
def test_any_text_stays_the_text_it_is(tmp_path: Path, text: str) -> None:
    cell = sheet_of(file_of(table([(text, 1.0)]), tmp_path))["A2"]
    assert (unescape(cell.value), cell.data_type) == (text, "s")
    assert cell.hyperlink is None


def test_the_same_rows_are_the_same_bytes_at_any_time(tmp_path: Path) -> None:
    first = file_of(table([(ID, 1.25)]), tmp_path)
    assert file_of(table([(ID, 1.25)]), tmp_path) == first
    properties = openpyxl.load_workbook(io.BytesIO(first)).properties
    assert properties.created == properties.modified == datetime(2000, 1, 1)  # noqa: DTZ001


def test_more_rows_than_a_sheet_holds_are_refused_before_any_is_read(tmp_path: Path) -> None:
    with pytest.raises(Invalid, match="1,048,576 rows do not fit into a sheet"):
        file_of(table(rows=xlsx.MAX_ROWS + 1), tmp_path)
    assert sheet_of(file_of(table(rows=xlsx.MAX_ROWS), tmp_path)).max_row == 1


def test_nothing_is_left_behind_but_what_others_write(tmp_path: Path) -> None:
    mine, old = tmp_path / "xlsx-being-written", tmp_path / "xlsx-of-a-killed-process"
    for folder in (mine, old):
        folder.mkdir()
    os.utime(old, (0, 0))

    async def failing() -> AsyncIterator[pd.DataFrame]:
        yield pd.DataFrame([("a", 1.0)], columns=["store_id", "uptime"])
        raise RuntimeError("removed")

    with pytest.raises(RuntimeError, match="removed"):
        file_of(Table(HEADINGS, 2, failing()), tmp_path)
    file_of(table([("a", 1.0)]), tmp_path)
    assert list(tmp_path.iterdir()) == [mine]


@pytest.mark.parametrize("layout", ["wide", "long"])
def test_a_report_as_a_workbook_has_what_its_csv_has(reports: Reports, layout: str) -> None:
    reports.store(ID, ["2023-01-20 12:00 active", "2023-01-20 15:30 inactive"])
    reports.store("=closed", ["2023-01-20 03:00 active"], hours="9-17")
    report_id = reports.report()
    params = {"layout": layout, "detail": "full"}
    csv = [line.split(",") for line in reports.csv(report_id, **params)]
    answer = reports.client.get(f"/get_report/{report_id}", params={**params, "format": "xlsx"})
    assert answer.status_code == 200
    assert answer.headers["Content-Type"] == (
        "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
    )
    assert answer.headers["Content-Disposition"].endswith('.xlsx"')
    assert int(answer.headers["Content-Length"]) == len(answer.content)
    rows = list(sheet_of(answer.content).values)
    assert list(rows[0]) == csv[0]
    for row, line in zip(rows[1:], csv[1:], strict=True):
        texts = [
            "" if value is None else value if isinstance(value, str) else f"{value:.2f}"
            for value in row
        ]
        assert texts == line


@pytest.mark.slow
@pytest.mark.parametrize("layout", ["wide", "long"])
def test_intervals_are_numbers_in_a_workbook(reports: Reports, layout: str) -> None:
    reports.store(ID, ["2023-01-20 12:00 active", "2023-01-20 15:30 inactive"])
    reports.store("closed", ["2023-01-20 03:00 active"], hours="9-17")
    report_id = reports.report(intervals=True)
    params = {"layout": layout, "detail": "full"}
    csv = [line.split(",") for line in reports.csv(report_id, **params)]
    answer = reports.client.get(f"/get_report/{report_id}", params={**params, "format": "xlsx"})
    header, *rows = sheet_of(answer.content).iter_rows()
    of_intervals = [
        n
        for n, heading in enumerate(header)
        if heading.value.startswith(("uptime_expected", "uptime_p05", "uptime_p95"))
    ]
    assert len(of_intervals) == (9 if layout == "wide" else 3)
    for row, line in zip(rows, csv[1:], strict=True):
        cells = [(row[n].value, row[n].data_type) for n in of_intervals]
        known = row[0].value == ID
        assert cells == [(float(line[n]) if known else None, "n") for n in of_intervals]


def test_a_report_with_more_rows_than_a_sheet_holds_is_a_422(
    reports: Reports, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(xlsx, "MAX_ROWS", 2)
    reports.store(ID, ["2023-01-20 12:00 active"])
    address = f"/get_report/{reports.report()}"
    answer = reports.client.get(address, params={"format": "xlsx", "layout": "long"})
    assert answer.status_code == 422
    (error,) = answer.json()["errors"]
    assert error["path"] == ["query", "format"]
    assert "3 rows do not fit into a sheet, which holds 2" in error["message"]
    assert reports.client.get(address, params={"format": "xlsx"}).status_code == 200
