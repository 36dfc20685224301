"""Special hours files: hours of single dates, of one store or of every store."""

from datetime import date
from pathlib import Path

import pytest

from openhours.ingestion.csv.kinds import kind_of
from openhours.ingestion.csv.reasons import FileRefused
from openhours.ingestion.csv.source import open_source
from openhours.ingestion.csv.special_hours import SpecialHoursBlock, read_special_hours
from openhours.times import to_days
from openhours.uptime.dates import CLOSED

HOUR = 3_600_000_000
HEADER = "store_id,date,start_time_local,end_time_local\n"


def special_hours(tmp_path: Path, *rows: str) -> SpecialHoursBlock:
    path = tmp_path / "file.csv"
    path.write_text(HEADER + "\n".join([*rows, ""]))
    with open_source(path) as source:
        (block,) = read_special_hours(source)
    assert block.rows == len(block.store) + len(block.rejects)
    return block


def test_dates_have_hours_or_none(tmp_path: Path) -> None:
    block = special_hours(tmp_path, "7,2024-12-25,,", "*,2024-12-24,9:00,24:00", "7, 2024-12-26,,")
    assert [block.store_ids[code] for code in block.store] == ["7", "*", "7"]
    christmas = to_days(date(2024, 12, 25))
    assert block.date.tolist() == [christmas, christmas - 1, christmas + 1]
    assert block.opens.tolist() == [CLOSED, 9 * HOUR, CLOSED]
    assert block.closes.tolist() == [CLOSED, 24 * HOUR, CLOSED]
    assert block.line.tolist() == [2, 3, 4]


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        (",2024-12-25,,", "missing_store_id"),
        ("7,,,", "bad_date"),
        ("7,2023-02-29,9:00,17:00", "bad_date"),
        ("7,2024-12-25,9:00,", "bad_time"),
        ("7,2024-12-25,24:00,24:00", "bad_time"),
        ("7,2024-12-25,9:00", "wrong_column_count"),
    ],
)
def test_a_bad_row_is_rejected_by_itself(tmp_path: Path, row: str, reason: str) -> None:
    block = special_hours(tmp_path, "7,2024-12-24,,", row, "7,2024-12-26,,")
    assert [tuple(reject) for reject in block.rejects] == [(3, reason, row.encode())]
    assert block.line.tolist() == [2, 4]


def test_the_header_tells_special_hours_from_those_of_the_week() -> None:
    columns = HEADER.strip().split(",")
    assert kind_of(columns, "a.csv") == "special_hours"
    assert kind_of([*columns, "day"], "a.csv") == "hours"
    with pytest.raises(FileRefused, match="a special hours file needs store_id, date, start_time"):
        kind_of(["store_id", "date"], "a.csv")
