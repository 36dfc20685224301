"""Opening: plain, gzip, zip, told by content; refusals that say what is wrong."""

import gzip
import hashlib
import io
import os
import socket
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from openhours.ingestion.csv.hours import read_hours
from openhours.ingestion.csv.kinds import kind_of
from openhours.ingestion.csv.labels import read_labels
from openhours.ingestion.csv.reasons import FileRefused
from openhours.ingestion.csv.source import Source, UnpackedLimit, open_source
from openhours.ingestion.csv.status import read_status
from openhours.ingestion.csv.timezones import read_timezones

NOW = 1_700_000_000_000_000
HEADER = "store_id,timestamp_utc,status\n"
ROW = "8419537941919820732,2023-01-22 12:09:39.388884 UTC,active\n"
TEXT = HEADER + ROW * 3


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "file"


def zipped(*members: tuple[str, str]) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in members:
            archive.writestr(name, text)
    return packed.getvalue()


def rows_of(path: Path) -> int:
    with open_source(path) as source:
        return sum(len(block.at) for block in read_status(source, NOW))


def refusal(path: Path) -> str:
    with pytest.raises(FileRefused) as refused:
        rows_of(path)
    return str(refused.value)


@pytest.mark.parametrize(
    "content",
    [
        TEXT.encode(),
        TEXT.encode("utf-8-sig"),
        TEXT.replace("\n", "\r\n").encode(),
        TEXT.removesuffix("\n").encode(),
        TEXT.replace("store_id", '"store_id"').encode(),
        TEXT.replace(",status", ", status ").encode(),
        gzip.compress(TEXT.encode(), mtime=0),
        gzip.compress(TEXT[:60].encode(), mtime=0) + gzip.compress(TEXT[60:].encode(), mtime=0),
        zipped(("polls.csv", TEXT)),
        zipped(("read.me", "x"), ("a/POLLS.CSV", TEXT), ("__MACOSX/a/._polls.csv", "x")),
    ],
    ids=[
        *("plain", "bom", "crlf", "no last newline", "quoted name", "spaced name"),
        *("gzip", "two gzips", "zip", "zip from a Mac"),
    ],
)
def test_a_file_is_told_by_its_content(path: Path, content: bytes) -> None:
    path.write_bytes(content)
    digest = hashlib.sha256()
    with open_source(path, on_bytes=digest.update) as source:
        assert kind_of(source.header, "a.csv") == "status"
        assert sum(len(block.at) for block in read_status(source, NOW)) == 3
        assert source.bytes_read == source.size == len(content)
        assert source.modified_ns == path.stat().st_mtime_ns
    assert digest.digest() == hashlib.sha256(content).digest()


def test_columns_stand_in_any_order_beside_others(path: Path) -> None:
    path.write_text("note,status,x,x,timestamp_utc,store_id\n,active,,,2023-01-22 12:00:00,7\n")
    assert rows_of(path) == 1


def test_header_alone_is_a_file_without_rows(path: Path) -> None:
    path.write_text(HEADER.removesuffix("\n"))
    with open_source(path) as source:
        assert list(read_status(source, NOW)) == []
        # What is appended now would belong to the header.
        assert not source.may_grow


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "the file is empty"),
        (b"\xef\xbb\xbf", "the file is empty"),
        (gzip.compress(b"", mtime=0), "the file is empty"),
        (b"\n" + TEXT.encode(), "no column names: the first line is blank"),
        (TEXT.encode("utf-16"), "the file is UTF-16: save it as UTF-8"),
        (TEXT.encode("utf-16-le"), "not a CSV file: its first line is not UTF-8 text"),
        (b"\x89PNG\r\n\x1a\n\0\0", "not a CSV file: its first line is not UTF-8 text"),
        (
            b"PAR1\xff\xfe",
            "a damaged Parquet file: Parquet file size is 6 bytes, "
            "smaller than the minimum file footer (8 bytes)",
        ),
        (b'"store_id,status\n', "not a CSV file: its first line is no list of column names"),
        (b"x" * (2 << 20), "not a CSV file: its first line is no list of column names"),
        (
            b"store_id,status\n7,active\n",
            "not a status file: no column timestamp_utc",
        ),
        (
            b"store,stamp,status\n",
            "not a status file: no columns store_id, timestamp_utc",
        ),
        (
            b"store_id,timestamp_utc,status,status\n",
            "not a status file: more than one column status",
        ),
        (zipped(("a.txt", TEXT)), "a zip file must hold one CSV, this one holds 0"),
        (b"%PDF-1.7\n1 0 obj", "a PDF, and no CSV"),
        (
            zipped(("[Content_Types].xml", "<Types/>"), ("xl/workbook.xml", "")),
            "a spreadsheet's own format: save it as CSV",
        ),
        (zipped(), "a zip file must hold one CSV, this one holds 0"),
        (
            zipped(("a.csv", TEXT), ("b.csv", TEXT)),
            "a zip file must hold one CSV, this one holds 2",
        ),
    ],
)
def test_a_refusal_says_what_is_wrong(path: Path, content: bytes, message: str) -> None:
    path.write_bytes(content)
    assert refusal(path) == message


def test_missing_columns_of_the_other_files_are_named(path: Path) -> None:
    path.write_text("store_id,start_time_local\n")
    with open_source(path) as source:
        with pytest.raises(FileRefused, match="no columns day or dayOfWeek, end_time_local"):
            read_hours(source)
        with pytest.raises(FileRefused, match="not a time zones file: no column timezone_str"):
            read_timezones(source)
        with pytest.raises(FileRefused, match="status file needs store_id, timestamp_utc, status"):
            kind_of(source.header, "a.csv")


def test_a_refusal_never_repeats_what_the_file_holds(path: Path) -> None:
    def told(source: Source) -> None:
        kind_of(source.header, "a.csv")

    path.write_text("root:$y$j9T$secret:19000,store_id,root:$y$j9T$secret:19000\n")
    readers: list[Callable[[Source], object]] = [read_hours, read_timezones, read_labels, told]
    for read in readers:
        with open_source(path) as source, pytest.raises(FileRefused) as refused:
            read(source)
        assert "secret" not in str(refused.value)


@pytest.mark.parametrize(
    "content", [gzip.compress(TEXT.encode() * 9), zipped(("a.csv", TEXT * 9))], ids=["gzip", "zip"]
)
def test_a_packed_file_that_holds_too_much_is_refused(path: Path, content: bytes) -> None:
    path.write_bytes(content)
    size = len(TEXT) * 9
    with open_source(path, limit=UnpackedLimit(size, "polls")) as source:
        assert b"".join(source.chunks()).endswith(ROW.encode())
    for block_bytes in (16, 1 << 20):
        with (
            pytest.raises(FileRefused, match="polls unpacks to more than 1,000 bytes"),
            open_source(
                path, limit=UnpackedLimit(1000, "polls"), block_bytes=block_bytes
            ) as source,
        ):
            list(source.chunks())


def test_only_regular_files_are_opened(path: Path, tmp_path: Path) -> None:
    (tmp_path / "secret").write_text(TEXT)
    path.symlink_to(tmp_path / "secret")
    pipe, folder, gate = tmp_path / "pipe", tmp_path / "folder", tmp_path / "socket"
    os.mkfifo(pipe)
    folder.mkdir()
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(os.path.relpath(gate))  # a socket's address may have 107 bytes
        for other in (path, pipe, folder, gate, Path("/dev/zero")):
            assert refusal(other) == "not a regular file: links, pipes and devices are not read"


def test_a_day_told_twice_is_refused(path: Path) -> None:
    path.write_text("store_id,day,dayOfWeek,start_time_local,end_time_local\n")
    with open_source(path) as source, pytest.raises(FileRefused, match="day or dayOfWeek"):
        read_hours(source)


@pytest.mark.parametrize(
    ("header", "kind"),
    [
        ("status,store_id,timestamp_utc", "status"),
        ("store_id,day,start_time_local,end_time_local", "hours"),
        ("store_id,dayOfWeek,start_time_local,end_time_local", "hours"),
        ("timezone_str,store_id,extra", "timezones"),
        ("store_id,timestamp_utc,status,timezone_str", "status"),
    ],
)
def test_the_header_tells_the_kind(header: str, kind: str) -> None:
    assert kind_of(header.split(","), "a.csv") == kind


PACKED = gzip.compress(os.urandom(200_000).hex().encode())
ZIPPED = zipped(("a.csv", HEADER + os.urandom(200_000).hex()))


@pytest.mark.parametrize(
    ("content", "packing"),
    [
        (gzip.compress(TEXT.encode(), mtime=0)[:-9], "gzip"),
        (gzip.compress(TEXT.encode(), mtime=0) + b"more", "gzip"),
        (PACKED[:3000] + b"\0" * 3000 + PACKED[6000:], "gzip"),
        (b"\x1f\x8b", "gzip"),
        (zipped(("a.csv", TEXT))[:-30], "zip"),
        (ZIPPED[:3000] + b"\0" * 3000 + ZIPPED[6000:], "zip"),
        (b"PK\x03\x04", "zip"),
    ],
)
def test_a_damaged_packed_file_is_refused(path: Path, content: bytes, packing: str) -> None:
    path.write_bytes(content)
    assert refusal(path).startswith(f"a damaged {packing} file: ")


@pytest.mark.slow
def test_a_damaged_zip_never_raises_anything_else(path: Path) -> None:
    good = zipped(("a.csv", TEXT), ("b.txt", TEXT))
    for at in range(len(good)):
        path.write_bytes(good[:at] + bytes([good[at] ^ 0xFF]) + good[at + 1 :])
        try:
            assert rows_of(path) <= 3
        except FileRefused as error:
            assert str(error)


def test_an_encrypted_zip_is_refused(path: Path) -> None:
    content = bytearray(zipped(("a.csv", TEXT)))
    content[6] |= 1
    content[content.rindex(b"PK\x01\x02") + 8] |= 1
    path.write_bytes(content)
    assert refusal(path) == "the zip file is encrypted"
