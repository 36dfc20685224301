"""Hours files: rows as written, bad ones rejected with their store."""

from pathlib import Path

import pytest

from openhours.ingestion.csv.hours import HoursBlock, read_hours
from openhours.ingestion.csv.source import open_source

HOUR = 3_600_000_000


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "file.csv"


def hours(path: Path, *rows: str, day: str = "day") -> HoursBlock:
    path.write_text("\n".join([f"store_id,{day},start_time_local,end_time_local", *rows]) + "\n")
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


def test_pcs_have_hours(path: Path) -> None:
    assert hours(path, "pc:default,0,9:00,17:00").store_ids == ["pc:default"]
