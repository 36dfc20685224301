"""Both ways through a file give the same, and where its blocks are cut does not matter."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from unittest import mock

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from openhours.stores import csv_blocks, csv_records
from openhours.stores.csv_files import Reject, open_source, read_status

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
        for block in read_status(source, NOW):
            ids = [block.store_ids[code] for code in block.store]
            polls += list(zip(ids, block.at.tolist(), block.active.tolist(), strict=True))
            rejects += block.rejects
            rows += block.rows
            assert block.rows == len(block.at) + len(block.rejects)
            assert sorted(set(ids)) == sorted(block.store_ids)
    return rows, polls, rejects, source.settled


@contextmanager
def small_limits(*, record: int = 64, piece: int = 80) -> Iterator[None]:
    with (
        mock.patch.object(csv_records, "MAX_RECORD", record),
        mock.patch.object(csv_blocks, "_PIECE_BYTES", piece),
        mock.patch.object(csv_blocks, "_ARROW_BLOCK_BYTES", 100),
    ):
        yield


@contextmanager
def exact_only() -> Iterator[None]:
    with mock.patch.object(csv_blocks, "_fast", lambda *_: None):
        yield


GOOD_ROW = st.builds(
    lambda store_id, status, end: store_id + b",2023-01-22 12:09:39 UTC," + status + end,
    st.sampled_from([b"1", b"8419537941919820732", "café".encode(), b'"9"', b'"a,""b"""']),
    st.sampled_from([b"active", b"inactive", b'"active"']),
    st.sampled_from([b"\n", b"\n", b"\r\n"]),
)
ODD_BYTES = st.sampled_from(
    [b'"', b'""', b",", b",,", b"\n", b"\n\n", b"\r\n", b"\r", b"\0", b"\xff", b"\xc3", b" ", b"x"]
    + [b"\xef\xbb\xbf", b"\xc3\xa9", b'"\n', b',"', b'",', b'"x\ny"', b"1,2,3,4", b"z" * 70]
)
FILES = st.builds(
    lambda parts, end: b"".join(parts) + end,
    st.lists(st.one_of(GOOD_ROW, GOOD_ROW, ODD_BYTES), max_size=25),
    st.sampled_from([b"", b"\n", GOOD]),
)


@given(data=FILES, block_bytes=st.integers(1, 300))
@settings(max_examples=400, deadline=None)
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
