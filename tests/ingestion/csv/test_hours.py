"""Hours and time zones files."""

from pathlib import Path

import pytest

from openhours.ingestion.csv.reader import (
    HoursBlock,
    TimezonesBlock,
    open_source,
    read_hours,
    read_timezones,
)

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


def timezones(path: Path, *rows: str) -> TimezonesBlock:
    path.write_text("\n".join(["store_id,timezone_str", *rows]) + "\n")
    with open_source(path) as source:
        (block,) = read_timezones(source)
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
    assert (block.rejects, block.spoilt) == ([], frozenset())


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
def test_a_bad_row_is_set_aside_and_names_the_store_it_spoils(
    path: Path, row: str, reason: str, store: str | None
) -> None:
    block = hours(path, "7,0,9:00,17:00", row, "8,1,9:00,17:00")
    assert [tuple(reject) for reject in block.rejects] == [(3, reason, row.encode())]
    assert block.spoilt == ({store} if store else set())
    # Whether the other rows of that store count is for the loader to say: it knows all blocks.
    assert block.line.tolist() == [2, 4]


def test_pcs_have_hours_and_zones(path: Path) -> None:
    assert hours(path, "pc:default,0,9:00,17:00").store_ids == ["pc:default"]
    assert timezones(path, "pc:default,Asia/Kolkata").store_ids == ["pc:default"]


def test_zones_with_their_lines(path: Path) -> None:
    block = timezones(path, "8139926242460185114,Asia/Beirut", "", "7, UTC ", "8,Asia/Beirut")
    assert [block.store_ids[code] for code in block.store] == ["8139926242460185114", "7", "8"]
    assert [block.zones[code] for code in block.zone] == ["Asia/Beirut", "UTC", "Asia/Beirut"]
    assert block.line.tolist() == [2, 4, 5]


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ("8", "wrong_column_count"),
        (" ,Asia/Beirut", "missing_store_id"),
        ("8.13992624246019E+018,Asia/Beirut", "mangled_store_id"),
        ("8,Asia/Atlantis", "unknown_timezone"),
        ("8,asia/beirut", "unknown_timezone"),
        ("8,+05:30", "unknown_timezone"),
        ("8,", "unknown_timezone"),
    ],
)
def test_a_bad_zone_row_is_set_aside(path: Path, row: str, reason: str) -> None:
    block = timezones(path, "7,Asia/Beirut", row)
    assert [tuple(reject) for reject in block.rejects] == [(3, reason, row.encode())]
    assert (block.store_ids, block.zones) == (["7"], ["Asia/Beirut"])
