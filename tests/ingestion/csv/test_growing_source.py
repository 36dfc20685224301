"""Files that grow: what is read of them, and where they are continued."""

import gzip
import hashlib
from pathlib import Path

import pytest

from openhours.ingestion.csv.reasons import FileRefused
from openhours.ingestion.csv.source import Position, open_source
from openhours.ingestion.csv.status import read_status

NOW = 1_700_000_000_000_000
HEADER = "store_id,timestamp_utc,status\n"
ROW = "8419537941919820732,2023-01-22 12:09:39.388884 UTC,active\n"
TEXT = HEADER + ROW * 3


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "file"


def test_bytes_appended_while_a_file_is_read_are_not_seen(path: Path) -> None:
    path.write_text(TEXT * 5)
    size = path.stat().st_size
    digest = hashlib.sha256()
    with open_source(path, on_bytes=digest.update, block_bytes=10) as source:
        blocks = read_status(source, NOW)
        rows = next(blocks).rows
        with path.open("a") as file:
            file.write(TEXT)
        rows += sum(block.rows for block in blocks)
        assert (rows, source.bytes_read, source.size) == (19, size, size)
    assert digest.digest() == hashlib.sha256(path.read_bytes()[:size]).digest()


def test_a_file_that_becomes_shorter_is_refused(path: Path) -> None:
    path.write_text(HEADER + ROW * 50_000)
    with open_source(path) as source:
        path.write_text(HEADER)
        with pytest.raises(FileRefused, match="became shorter"):
            list(read_status(source, NOW))


def test_progress_goes_from_something_to_all(path: Path) -> None:
    path.write_text(HEADER + ROW * 50_000)
    with open_source(path, block_bytes=500_000) as source:
        seen = [source.bytes_read / source.size for _ in read_status(source, NOW)]
    assert len(seen) > 3
    assert seen == sorted(seen)
    assert 0 < seen[0] < 1 == seen[-1]


@pytest.mark.parametrize("end", ["\n", "\r\n"])
@pytest.mark.parametrize("many", [0, 3, 30_000])
def test_a_grown_file_is_continued_where_it_was_settled(path: Path, many: int, end: str) -> None:
    whole = (HEADER + ROW * many).replace("\n", end)
    path.write_text(whole, newline="")
    with open_source(path) as source:
        blocks = list(read_status(source, NOW))
        assert sum(len(block.at) for block in blocks) == many
        settled = blocks[-1].settled if blocks else source.start
        assert source.may_grow
        assert settled == Position(len(whole), many + 2)
    with path.open("a", newline="") as file:
        file.write("8,never,active" + end + ROW)
    added: list[bytes] = []
    with open_source(path, on_bytes=added.append, resume=settled) as grown:
        (block,) = read_status(grown, NOW)
        assert grown.bytes_read == grown.size
        assert block.settled == Position(path.stat().st_size, many + 4)
    assert (block.rows, block.store_ids.to_pylist()) == (2, ["8419537941919820732"])
    assert [reject[:2] for reject in block.rejects] == [(many + 2, "bad_timestamp")]
    assert b"".join(added) == path.read_bytes()[len(whole) :]


def test_a_last_line_without_newline_is_read_but_not_settled(path: Path) -> None:
    path.write_text(HEADER + ROW + "8,2023-01-22 12:00:00,act")
    with open_source(path) as source:
        (good, cut) = read_status(source, NOW)
        assert good.settled == cut.settled == Position(len(HEADER + ROW), 3)
        assert source.bytes_read == source.size
    assert (len(good.at), good.rejects) == (1, [])
    assert [tuple(reject) for reject in cut.rejects] == [
        (3, "bad_status", b"8,2023-01-22 12:00:00,act")
    ]
    with path.open("a") as file:
        file.write("ive\n")
    with open_source(path, resume=cut.settled) as grown:
        assert [block.store_ids.to_pylist() for block in read_status(grown, NOW)] == [["8"]]


def test_what_cannot_be_continued_is_refused(path: Path) -> None:
    path.write_text(TEXT)
    for offset in (3, len(TEXT) + 1):
        with pytest.raises(FileRefused, match="cannot go on"):
            open_source(path, resume=Position(offset, 2))
    path.write_bytes(gzip.compress(TEXT.encode()))
    with pytest.raises(FileRefused, match="only a plain CSV"):
        open_source(path, resume=Position(40, 2))
