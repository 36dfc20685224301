"""Status files: every good poll to the letter, every bad row with its line and reason."""

from pathlib import Path

import pytest

from openhours.ingestion.csv.source import open_source
from openhours.ingestion.csv.status import StatusBlock, read_status

NOON = 1_674_388_800_000_000  # 2023-01-22 12:00:00 UTC
MINUTE = 60_000_000
STAMP = "2023-01-22 12:00:00 UTC"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "status.csv"


def read(path: Path, *rows: str | bytes, end: bytes = b"\n", now: int = NOON) -> StatusBlock:
    lines = [row.encode() if isinstance(row, str) else row for row in rows]
    path.write_bytes(end.join([b"store_id,timestamp_utc,status", *lines, b""]))
    with open_source(path) as source:
        (block,) = read_status(source, now)
    assert block.rows == len(block.at) + len(block.rejects)
    return block


def polls(block: StatusBlock) -> list[tuple[str, int, bool]]:
    ids = [block.store_ids[code].as_py() for code in block.store]
    return list(zip(ids, block.at.tolist(), block.active.tolist(), strict=True))


def test_good_polls_in_the_files_order(path: Path) -> None:
    block = read(path, f"2,{STAMP},inactive", f"1,{STAMP},active", f"2,{STAMP},active")
    assert polls(block) == [("2", NOON, False), ("1", NOON, True), ("2", NOON, True)]
    assert (block.rows, block.rejects) == (3, [])


@pytest.mark.parametrize(
    "store_id",
    [
        *("8419537941919820732", "007", "1e5", "8.13992E-018", "8.13992E+", "E+5", "NaN", "null"),
        *("pc", "PC:x", "café", "x" * 64, "é" * 64, "a+b", "a\\b", "8.13992E+018x", " 7 ", "\t7"),
    ],
)
def test_a_store_id_is_kept_to_the_letter(path: Path, store_id: str) -> None:
    assert polls(read(path, f"{store_id},{STAMP},active")) == [(store_id, NOON, True)]


def test_quoted_fields_may_hold_commas_and_quotes(path: Path) -> None:
    block = read(path, f'"a,""b""","{STAMP}","active"', f'"c",{STAMP},active', end=b"\r\n")
    assert [store_id for store_id, _, _ in polls(block)] == ['a,"b"', "c"]


def test_status_in_any_letter_case(path: Path) -> None:
    written = ["active", "inactive", "Active", "INACTIVE", " active ", '"inActive"', "ACTIVE"]
    block = read(path, *(f"1,{STAMP},{status}" for status in written))
    assert block.active.tolist() == [True, False, True, False, True, False, True]


BAD_ROWS: list[tuple[str | bytes, str]] = [
    (f"1,{STAMP}", "wrong_column_count"),
    (f"1,{STAMP},active,", "wrong_column_count"),
    (f'"1"1,{STAMP},active', "wrong_column_count"),
    (f"1,{STAMP},act\rive", "wrong_column_count"),
    (f"1,{STAMP},active".encode() + b"\xff", "bad_encoding"),
    (f"1\0,{STAMP},active", "bad_encoding"),
    (b"1,caf\xe9", "bad_encoding"),
    (f",{STAMP},active", "missing_store_id"),
    (",,", "missing_store_id"),
    (f'"",{STAMP},active', "missing_store_id"),
    (f"  ,{STAMP},active", "missing_store_id"),
    (f"\u00a0,{STAMP},active", "missing_store_id"),
    (f"{'x' * 65},{STAMP},active", "missing_store_id"),
    (f"8.13992E+018,{STAMP},active", "mangled_store_id"),
    (f"8E+18,{STAMP},active", "mangled_store_id"),
    (f"8.1e+1,{STAMP},active", "mangled_store_id"),
    (f"pc:default,{STAMP},active", "reserved_store_id"),
    ("1,2023-01-22,active", "bad_timestamp"),
    ("1,,active", "bad_timestamp"),
    ("1,1999-12-31 23:59:59.999999 UTC,active", "bad_timestamp"),
    ("1,2023-01-22 12:05:00.000001 UTC,active", "future_timestamp"),
    ("1,9999-12-31 23:59:59 UTC,active", "future_timestamp"),
    (f"1,{STAMP},on", "bad_status"),
    (f"1,{STAMP},", "bad_status"),
]


@pytest.mark.parametrize(("row", "reason"), BAD_ROWS)
def test_a_bad_row_is_rejected_with_line_and_reason(
    path: Path, row: str | bytes, reason: str
) -> None:
    block = read(path, f"0,{STAMP},active", row, f"2,{STAMP},inactive", end=b"\r\n")
    assert polls(block) == [("0", NOON, True), ("2", NOON, False)]
    raw = row.encode() if isinstance(row, str) else row
    assert [tuple(reject) for reject in block.rejects] == [(3, reason, raw)]
    assert sorted(block.store_ids.to_pylist()) == ["0", "2"]


def test_the_rejects_of_a_block_are_in_the_files_order(path: Path) -> None:
    rows = [row for row, _ in BAD_ROWS]
    block = read(path, *rows, f"2,{STAMP},active")
    assert [reject.line for reject in block.rejects] == list(range(2, len(rows) + 2))
    assert [reject.reason for reject in block.rejects] == [reason for _, reason in BAD_ROWS]
    assert polls(block) == [("2", NOON, True)]


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ("8.1E+18,never,maybe,too many", "wrong_column_count"),
        ("8.1E+18,never,maybe", "mangled_store_id"),
        ("pc:x,never,maybe", "reserved_store_id"),
        ("1,never,maybe", "bad_timestamp"),
        ("1,2033-01-01T00:00:00,maybe", "future_timestamp"),
    ],
)
def test_a_row_has_one_reason_the_first(path: Path, row: str, reason: str) -> None:
    assert [reject.reason for reject in read(path, row).rejects] == [reason]


def test_five_minutes_ahead_is_not_the_future(path: Path) -> None:
    block = read(path, "1,2023-01-22 12:05:00 UTC,active", "1,2000-01-01 00:00:00 UTC,active")
    assert block.at.tolist() == [NOON + 5 * MINUTE, 946_684_800_000_000]
    assert read(path, "1,2023-01-22 12:05:00 UTC,active", now=NOON - 1).rejects


def test_timestamps_of_all_forms_in_one_file(path: Path) -> None:
    forms = [
        "2023-01-22 12:00:00 UTC",
        "2023-01-22T12:00:00Z",
        "2023-01-22T17:30:00.000+05:30",
        "2023-01-22T12:00:00",
        " 2023-01-22 12:00:00.000000",
        "2023-01-22 03:00:00-0900",
    ]
    block = read(path, *(f"1,{form},active" for form in forms))
    assert block.at.tolist() == [NOON] * len(forms)


def test_spreadsheet_ids_are_all_rejected_and_none_guessed(path: Path) -> None:
    rows = [f"8.{number:05}24624601{number % 10}E+018,{STAMP},active" for number in range(5000)]
    block = read(path, *rows, f"12345,{STAMP},active")
    assert len(block.rejects) == 5000
    assert {reject.reason for reject in block.rejects} == {"mangled_store_id"}
    assert block.store_ids.to_pylist() == ["12345"]
