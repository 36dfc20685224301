"""Both ways through a file give the same, and where its blocks are cut does not matter."""

import tracemalloc
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from unittest import mock

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from openhours.ingestion.csv import pieces, records
from openhours.ingestion.csv.reasons import Reason, Reject
from openhours.ingestion.csv.source import Position, open_source
from openhours.ingestion.csv.status import read_status

HEADER = b"store_id,timestamp_utc,status\n"
NOW = 1_700_000_000_000_000
GOOD = b"7,2023-01-22 12:09:39.388884 UTC,active"

Everything = tuple[int, list[tuple[str, int, bool]], list[Reject], object]


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("csv") / "status.csv"


def everything(path: Path, block_bytes: int) -> Everything:
    rows, polls, rejects = 0, [], []
    with open_source(path, block_bytes=block_bytes) as source:
        settled = source.start
        for block in read_status(source, NOW):
            settled = block.settled
            ids = [block.store_ids[code].as_py() for code in block.store]
            polls += list(zip(ids, block.at.tolist(), block.active.tolist(), strict=True))
            rejects += block.rejects
            rows += block.rows
            assert block.rows == len(block.at) + len(block.rejects)
            assert sorted(set(ids)) == sorted(block.store_ids.to_pylist())
    return rows, polls, rejects, settled


@contextmanager
def small_limits(*, record: int = 160, piece: int = 200) -> Iterator[None]:
    with (
        mock.patch.object(records, "MAX_RECORD", record),
        mock.patch.object(pieces, "_PIECE_BYTES", piece),
        mock.patch.object(pieces, "_ARROW_BLOCK_BYTES", 150),
    ):
        yield


@contextmanager
def exact_only() -> Iterator[None]:
    with mock.patch.object(pieces, "_parse_fast", lambda *_: None):
        yield


GOOD_ROW = st.builds(
    lambda store_id, status, end: store_id + b",2023-01-22 12:09:39 UTC," + status + end,
    st.sampled_from(
        [b"1", b"8419537941919820732", "café".encode(), b'"9"', b'"a,""b"""', b"y" * 130]
    ),
    st.sampled_from([b"active", b"inactive", b'"active"']),
    st.sampled_from([b"\n", b"\n", b"\r\n"]),
)
ODD_BYTES = st.sampled_from(
    [b'"', b'""', b",", b",,", b"\n", b"\n\n", b"\r\n", b"\r", b"\0", b"\xff", b"\xc3", b" "]
) | st.sampled_from(
    [b"x", b"\xef\xbb\xbf", "é".encode(), b'"\n', b',"', b'",', b'"x\ny"', b"1,2,3,4", b"z" * 170]
)
# Mostly good rows, so that pyarrow has something to do.
GOOD_ROWS = st.lists(GOOD_ROW, max_size=8).map(b"".join)
FILES = st.builds(
    lambda parts, end: b"".join(parts) + end,
    st.lists(st.one_of(GOOD_ROWS, ODD_BYTES), max_size=12),
    st.sampled_from([b"", b"\n", GOOD]),
)


@pytest.mark.slow
@given(data=FILES, block_bytes=st.integers(10, 700))
@settings(max_examples=100, deadline=None)
def test_pyarrow_and_the_exact_path_agree_wherever_blocks_are_cut(
    path: Path, data: bytes, block_bytes: int
) -> None:
    path.write_bytes(HEADER + data)
    with small_limits():
        cut = everything(path, block_bytes)
        whole = everything(path, 1 << 20)
        with exact_only():
            exact = everything(path, 1 << 20)
    assert cut == exact
    assert whole == exact


def lines_of(path: Path, data: bytes) -> Everything:
    path.write_bytes(HEADER + data)
    found = everything(path, 8 << 20)
    with exact_only():
        assert everything(path, 8 << 20) == found
    return found


def reject(line: int, reason: str, raw: bytes) -> Reject:
    return Reject(line, Reason(reason), raw)


def test_a_record_may_span_lines_and_has_the_number_of_its_first(path: Path) -> None:
    data = b'"a\nb",2023-01-22 12:09:39 UTC,active\n"c\n",never,active\n\n7,never,active\n'
    rows, polls, rejects, _ = lines_of(path, data)
    assert rows == 3
    assert [store_id for store_id, _, _ in polls] == ["a\nb"]
    assert rejects == [
        reject(4, "bad_timestamp", b'"c\n",never,active'),
        reject(7, "bad_timestamp", b"7,never,active"),
    ]


@pytest.mark.slow
def test_an_unclosed_quote_costs_one_line_not_the_rest_of_the_file(path: Path) -> None:
    many = (GOOD + b"\n") * 40_000
    rows, polls, rejects, settled = lines_of(path, b'"7,never,active\n' + many)
    assert (rows, len(polls)) == (40_001, 40_000)
    assert rejects == [reject(2, "wrong_column_count", b'"7,never,active')]
    assert settled == Position(path.stat().st_size, 40_003)


def test_a_quote_left_open_by_the_end_of_the_file_costs_one_line(path: Path) -> None:
    before = GOOD + b"\n"
    rows, polls, rejects, settled = lines_of(path, before + b'"8,now,active\n' + GOOD)
    assert (rows, len(polls)) == (3, 2)
    assert rejects == [reject(3, "wrong_column_count", b'"8,now,active')]
    assert settled == Position(len(HEADER + before), 3)


def test_a_line_longer_than_a_mebibyte_is_rejected_with_its_first_mebibyte(path: Path) -> None:
    data = GOOD + b"\n8,active," + b"x" * (20 << 20) + b"\n" + GOOD + b"\n"
    rows, polls, rejects, settled = lines_of(path, data)
    assert (rows, len(polls)) == (3, 2)
    (long,) = rejects
    assert (long.line, long.reason) == (3, "wrong_column_count")
    assert long.raw == (b"8,active," + b"x" * (1 << 20))[: 1 << 20]
    assert settled == Position(path.stat().st_size, 5)


@pytest.mark.slow
def test_line_numbers_hold_through_megabytes_of_rows(path: Path) -> None:
    bad = {5: b"7,8", 70_000: b"7,2023-01-22 12:09:39 UTC,active,", 99_999: b"7,never,active"}
    lines = [bad.get(number, GOOD) for number in range(2, 100_002)]
    rows, polls, rejects, _ = lines_of(path, b"\r\n".join(lines))
    assert (rows, len(polls)) == (100_000, 99_997)
    assert [(reject.line, reject.raw) for reject in rejects] == list(bad.items())


@pytest.mark.parametrize("end", [b"\n", b"\r\n"])
@pytest.mark.parametrize("blank", [b"", b"  ", b"\t"])
def test_a_blank_line_is_no_row(path: Path, blank: bytes, end: bytes) -> None:
    data = end.join([blank, GOOD, blank, b"7,8", blank, GOOD, blank, b""])
    rows, polls, rejects, _ = lines_of(path, data)
    assert (rows, len(polls)) == (3, 2)
    assert rejects == [reject(5, "wrong_column_count", b"7,8")]


def test_memory_holds_a_few_blocks_not_the_file(path: Path) -> None:
    path.write_bytes(HEADER + (GOOD + b"\n") * 500_000)
    with open_source(path, block_bytes=1 << 20) as source:
        tracemalloc.start()
        rows = sum(block.rows for block in read_status(source, NOW))
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
    assert rows == 500_000
    assert peak < 10 << 20 < path.stat().st_size
