"""Open a CSV, or what its first bytes say it is packed in; its header, its bytes in chunks."""

import errno
import gzip
import io
import lzma
import os
import stat
import struct
import sys
import zipfile
import zlib
from collections.abc import Callable, Iterator
from io import FileIO
from pathlib import Path
from typing import IO, NamedTuple, Self, cast

from openhours.ingestion.csv import records
from openhours.ingestion.csv.parquet import ParquetAsCsv
from openhours.ingestion.csv.reasons import FileRefused

# So much is parsed at once. Each block costs something for each of its stores, so not less; its
# rejected rows are all in memory, so not more.
_BLOCK_BYTES = 1 << 22
_BOM = b"\xef\xbb\xbf"
_UTF16 = (b"\xff\xfe", b"\xfe\xff")
NOT_REGULAR = "not a regular file: links, pipes and devices are not read"
_GZIP = b"\x1f\x8b"
_ZIP = (b"PK\x03\x04", b"PK\x05\x06")
_PARQUET = b"PAR1"
_PDF = b"%PDF"
_WORKBOOK = "[Content_Types].xml"  # in the zip that Excel and others write
# All that gzip and zipfile raise for damaged bytes.
_DAMAGE = (
    EOFError,
    OSError,
    RuntimeError,
    ValueError,
    lzma.LZMAError,
    struct.error,
    zlib.error,
    zipfile.BadZipFile,
)


class Position(NamedTuple):
    """Beginning of a record: byte of the CSV from 0, physical line from 1."""

    offset: int
    line: int


class UnpackedLimit(NamedTuple):
    """The most bytes that a packed file may hold, and the name of the file, for the refusal."""

    bytes: int
    name: str


UNLIMITED = UnpackedLimit(sys.maxsize, "")


def open_regular(path: Path) -> FileIO:
    """Open a file to read its bytes. Raise FileRefused for a link, a pipe, a device or a folder.

    What a link names may be a secret that only this process can read; a pipe would never end.
    """
    try:
        # Without O_NONBLOCK, opening a pipe waits for its writer.
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        if error.errno in (errno.ELOOP, errno.ENXIO):  # a link; a socket
            raise FileRefused(NOT_REGULAR) from None
        raise
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise FileRefused(NOT_REGULAR)
    return FileIO(descriptor)


class _FileAsOpened:
    """Bytes that a file had at opening: what a writer appends later is not read.

    `reached` is how far it was read without a gap from `start`; `on_bytes` gets exactly these
    bytes, once each, however the reader seeks.
    """

    def __init__(self, path: Path, on_bytes: Callable[[bytes], object] | None, start: int) -> None:
        self._file = open_regular(path)
        opened = os.fstat(self._file.fileno())
        self.size = opened.st_size
        self.modified_ns = opened.st_mtime_ns
        self.reached = start
        self._on_bytes = on_bytes

    def read(self, count: int = -1) -> bytes:
        position = self._file.tell()
        left = max(self.size - position, 0)
        count = left if count < 0 else min(count, left)
        data = self._file.read(count)
        if count and not data:
            raise FileRefused("the file became shorter while it was read")
        end = position + len(data)
        if position <= self.reached < end:
            if self._on_bytes:
                self._on_bytes(data[self.reached - position :])
            self.reached = end
        return data

    def read_rest(self) -> None:
        """Read to the end: a zip's directory lies after the bytes of its members."""
        self._file.seek(self.reached)
        while self.read(_BLOCK_BYTES):
            pass

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        if whence == io.SEEK_END:
            return self._file.seek(self.size + offset)
        return self._file.seek(offset, whence)

    def tell(self) -> int:
        return self._file.tell()

    def seekable(self) -> bool:
        return True

    def close(self) -> None:
        self._file.close()

    @property
    def closed(self) -> bool:
        return self._file.closed


class Source:
    """Open CSV file, read once from front to back. Close it, or use it in a `with`.

    header: the names of the columns, without the spaces around them
    size, modified_ns: of the file on disk, as it was at opening
    start: where the records begin: after the header, or where reading is resumed
    may_grow: whether bytes appended to the file would be further records: it is not packed, and its
        header's line is over
    """

    def __init__(
        self, file: _FileAsOpened, resume: Position | None, block_bytes: int, limit: UnpackedLimit
    ) -> None:
        self._file = file
        self._block_bytes = block_bytes
        self._limit = limit
        self._unpacked = 0
        self.size = file.size
        self.modified_ns = file.modified_ns
        self._stream, self._packing = _unpacked(file)
        first = self._read(records.MAX_RECORD)
        self.header, end = _header(first)
        self._after_header = first[end:]
        self.start = Position(end, 1 + first.count(b"\n", 0, end))
        self.may_grow = not self._packing and end <= self.size
        if resume is not None:
            self._resume(resume)

    def _resume(self, at: Position) -> None:
        if not self.may_grow:
            raise FileRefused("only a plain CSV can be continued")
        if not self.start.offset <= at.offset <= self.size:
            raise FileRefused(f"the file has {self.size} bytes and cannot go on at {at.offset}")
        self._file.seek(at.offset)
        self._after_header, self.start = b"", at

    @property
    def bytes_read(self) -> int:
        """Return how much of `size` was read; of a packed file, before unpacking."""
        return self._file.reached

    def chunks(self) -> Iterator[bytes]:
        """Yield the bytes of the CSV from `start` on, unpacked. Raise FileRefused if damaged."""
        yield self._after_header
        while block := self._read(self._block_bytes):
            yield block
        self._file.read_rest()

    def _read(self, count: int) -> bytes:
        if not self._packing:
            return self._stream.read(count)
        try:
            data = self._stream.read(count)
        except _DAMAGE as error:
            raise FileRefused(f"a damaged {self._packing} file: {error}") from error
        self._unpacked += len(data)
        if self._unpacked > self._limit.bytes:
            raise FileRefused(
                f"{self._limit.name} unpacks to more than {self._limit.bytes:,} bytes"
                " (OPENHOURS_MAX_UNPACKED_MB)"
            )
        return data

    def close(self) -> None:
        """Close the file."""
        self._stream.close()
        self._file.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def open_source(
    path: Path,
    *,
    on_bytes: Callable[[bytes], object] | None = None,
    resume: Position | None = None,
    block_bytes: int = _BLOCK_BYTES,
    limit: UnpackedLimit = UNLIMITED,
) -> Source:
    """Open a CSV, plain, gzipped, zipped or as Parquet, whatever its name, and read its header.

    on_bytes: gets the bytes of the file on disk as they are read, in order and without a gap: from
        the beginning, or from `resume` on; a hash's `update`
    resume: continue a plain CSV whose bytes before it were read before; lines count on from it
    block_bytes: how much to read at a time; memory holds a few times as much
    limit: of a packed file's bytes once they are unpacked; FileRefused beyond it

    Raise FileRefused if it is no CSV or no regular file, OSError if it cannot be opened.
    """
    file = _FileAsOpened(path, on_bytes, resume.offset if resume else 0)
    try:
        return Source(file, resume, block_bytes, limit)
    except BaseException:
        file.close()
        raise


def _unpacked(file: _FileAsOpened) -> tuple[IO[bytes], str]:
    """Return the stream of the CSV itself, and how it is packed: gzip, zip, Parquet or not, ""."""
    if not file.size:
        raise FileRefused("the file is empty")
    magic = file.read(4)
    file.seek(0)
    raw = cast("IO[bytes]", file)
    if magic.startswith(_GZIP):
        return cast("IO[bytes]", gzip.GzipFile(fileobj=raw)), "gzip"
    if magic in _ZIP:
        return _only_csv(raw), "zip"
    if magic == _PARQUET:
        return _parquet(raw), "Parquet"
    if magic == _PDF:
        raise FileRefused("a PDF, and no CSV")
    return raw, ""


def _parquet(file: IO[bytes]) -> IO[bytes]:
    try:
        return cast("IO[bytes]", io.BufferedReader(ParquetAsCsv(file), _BLOCK_BYTES))
    except _DAMAGE as error:
        raise FileRefused(f"a damaged Parquet file: {error}") from error


def _only_csv(file: IO[bytes]) -> IO[bytes]:
    try:
        archive = zipfile.ZipFile(file)
        if _WORKBOOK in archive.namelist():
            raise FileRefused("a spreadsheet's own format: save it as CSV")
        tables = [
            entry
            for entry in archive.infolist()
            # A Mac adds a shadow of each file in this folder.
            if entry.filename.lower().endswith(".csv")
            and not entry.filename.startswith("__MACOSX/")
        ]
        if len(tables) != 1:
            raise FileRefused(f"a zip file must hold one CSV, this one holds {len(tables)}")
        if tables[0].flag_bits & 1:
            raise FileRefused("the zip file is encrypted")
        return archive.open(tables[0])
    except _DAMAGE as error:
        raise FileRefused(f"a damaged zip file: {error}") from error


def _header(first: bytes) -> tuple[tuple[str, ...], int]:
    """Return the names of the columns, and where the header ends; the CSV begins with `first`."""
    if first.startswith(_UTF16):
        raise FileRefused("the file is UTF-16: save it as UTF-8")
    begin = len(_BOM) if first.startswith(_BOM) else 0
    if begin == len(first):
        raise FileRefused("the file is empty")
    whole = len(first) < records.MAX_RECORD
    if whole and not first.endswith(b"\n"):
        first += b"\n"
    record = records.Records(first, last=whole).at(begin)
    raw = records.raw_record(first, begin, record.end if record else len(first))
    if not records.is_text(raw):
        raise FileRefused("not a CSV file: its first line is not UTF-8 text")
    if record is None or record.fields is None:
        raise FileRefused("not a CSV file: its first line is no list of column names")
    if records.is_blank(raw):
        raise FileRefused("no column names: the first line is blank")
    return tuple(field.decode().strip() for field in record.fields), record.end
