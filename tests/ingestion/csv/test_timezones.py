"""Time zones files: rows as written, bad ones rejected."""

from pathlib import Path

import pytest

from openhours.ingestion.csv.source import open_source
from openhours.ingestion.csv.timezones import TimezonesBlock, read_timezones


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "file.csv"


def timezones(path: Path, *rows: str) -> TimezonesBlock:
    path.write_text("\n".join(["store_id,timezone_str", *rows]) + "\n")
    with open_source(path) as source:
        (block,) = read_timezones(source)
    assert block.rows == len(block.store) + len(block.rejects)
    return block


def test_pcs_have_zones(path: Path) -> None:
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
def test_a_bad_zone_row_is_rejected(path: Path, row: str, reason: str) -> None:
    block = timezones(path, "7,Asia/Beirut", row)
    assert [tuple(reject) for reject in block.rejects] == [(3, reason, row.encode())]
    assert (block.store_ids, block.zones) == (["7"], ["Asia/Beirut"])
