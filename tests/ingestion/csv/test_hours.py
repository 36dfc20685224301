"""Hours files: rows as written, bad ones rejected with their store."""

from datetime import date
from pathlib import Path

import pytest

from openhours.ingestion.csv.hours import HoursBlock, read_hours
from openhours.ingestion.csv.reasons import FileRefused
from openhours.ingestion.csv.source import open_source
from openhours.times import to_days
from openhours.uptime.dates import ALWAYS, CLOSED

HOUR = 3_600_000_000


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "file.csv"


def hours(path: Path, *rows: str, day: str = "day", more: str = "") -> HoursBlock:
    header = f"store_id,{day},start_time_local,end_time_local{more}"
    path.write_text("\n".join([header, *rows]) + "\n")
    with open_source(path) as source:
        (block,) = read_hours(source)
    assert block.rows == len(block.store) + len(block.rejects)
    return block


@pytest.mark.parametrize("day", ["day", "dayOfWeek"])
def test_hours_as_written_with_their_lines(path: Path, day: str) -> None:
    rows = ["1481966498820158979,4,0:00,00:10:00", "7, 6 ,9:30:00.5, 24:00", "7,0,22:00,02:00"]
    block = hours(path, *rows, day=day)
    assert [block.store_ids[code] for code in block.store] == ["1481966498820158979", "7", "7"]
    assert block.day.tolist() == [4, 6, 0]
    assert block.opens.tolist() == [0, 34_200_500_000, 22 * HOUR]
    assert block.closes.tolist() == [HOUR // 6, 24 * HOUR, 2 * HOUR]
    assert block.line.tolist() == [2, 3, 4]
    assert block.raw == [row.encode() for row in rows]
    assert (block.rejects, block.rejected_stores) == ([], frozenset())


@pytest.mark.parametrize(
    ("row", "reason", "store"),
    [
        ("8,0,9:00", "wrong_column_count", "8"),
        ('8,0,"9:00"h,17:00', "wrong_column_count", "8"),
        (",0,9:00,17:00", "missing_store_id", None),
        ("8.1E+18,0,9:00,17:00", "mangled_store_id", None),
        ("8,7,9:00,17:00", "bad_day", "8"),
        ("8,-1,9:00,17:00", "bad_day", "8"),
        ("8,01,9:00,17:00", "bad_day", "8"),
        ("8,1.0,9:00,17:00", "bad_day", "8"),
        ("8,Monday,9:00,17:00", "bad_day", "8"),
        ("8,,9:00,17:00", "bad_day", "8"),
        ("8,9,9,17", "bad_day", "8"),
        ("8,0,24:00,17:00", "bad_time", "8"),
        ("8,0,9:00,24:01", "bad_time", "8"),
        ("8,0,9,17:00", "bad_time", "8"),
        ("8,0,9:00,", "bad_time", "8"),
        ("8,0,,17:00", "bad_time", "8"),
        ("8,0,late,", "bad_time", "8"),
        ("*,0,9:00,17:00", "reserved_store_id", "*"),
    ],
)
def test_a_bad_row_is_rejected_and_names_its_store(
    path: Path, row: str, reason: str, store: str | None
) -> None:
    block = hours(path, "7,0,9:00,17:00", row, "8,1,9:00,17:00")
    assert [tuple(reject) for reject in block.rejects] == [(3, reason, row.encode())]
    assert block.rejected_stores == ({store} if store else set())
    # Whether the other rows of that store count is for the loader to say: it knows all blocks.
    assert block.line.tolist() == [2, 4]


def test_a_row_with_both_times_empty_says_that_the_store_is_closed(path: Path) -> None:
    block = hours(path, "7,0,,", '7,1, ,""', "7,2,0:00,0:00")
    assert block.opens.tolist() == [CLOSED, CLOSED, 0]
    assert block.closes.tolist() == [CLOSED, CLOSED, 0]
    assert block.rejects == []


def test_hours_have_the_date_from_which_they_are_valid(path: Path) -> None:
    rows = ["7,0,9:00,17:00,2024-02-29", "7,0,9:00,17:00, 1970-01-02 ", "7,0,9:00,17:00,"]
    block = hours(path, *rows, more=",valid_from")
    assert block.valid_from.tolist() == [to_days(date(2024, 2, 29)), 1, ALWAYS]
    assert hours(path, "7,0,9:00,17:00").valid_from.tolist() == [ALWAYS]
    with pytest.raises(FileRefused, match="more than one column valid_from"):
        hours(path, more=",valid_from,valid_from")


@pytest.mark.parametrize(
    "text",
    ["2024-02-30", "2024-2-1", "20240201", "01.02.2024", "1899-12-31", "9999-01-01", "today"],
)
def test_what_is_no_date_is_rejected(path: Path, text: str) -> None:
    block = hours(path, f"7,0,9:00,17:00,{text}", more=",valid_from")
    assert [reject.reason for reject in block.rejects] == ["bad_date"]
    assert block.rejected_stores == {"7"}


def test_pcs_have_hours(path: Path) -> None:
    assert hours(path, "pc:default,0,9:00,17:00").store_ids == ["pc:default"]
