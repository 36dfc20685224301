"""Opening a CSV file: plain, gzip or zip, told by its first bytes; its header; bytes in chunks."""

import gzip
import io
import lzma
import os
import struct
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import IO, NamedTuple, Self, cast

from openhours.ingestion.csv import records
from openhours.ingestion.csv.reasons import FileRefused

_BLOCK_BYTES = 8 << 20
_BOM = b"\xef\xbb\xbf"
_UTF16 = (b"\xff\xfe", b"\xfe\xff")
_GZIP = b"\x1f\x8b"
_ZIP = (b"PK\x03\x04", b"PK\x05\x06")
# What gzip and zipfile raise over damaged bytes.
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
    """Where a record of a plain CSV begins: byte from 0, physical line from 1."""

    offset: int
    line: int


class _FileAsOpened:
    """The bytes a file had at opening: what a writer appends later is not seen.

    `reached` is how far it was read without a gap from `start`; `on_bytes` gets exactly these
    bytes, once each, however the reader seeks.
    """

    def __init__(self, path: Path, on_bytes: Callable[[bytes], object] | None, start: int) -> None:
        self._file = path.open("rb", buffering=0)
        stat = os.fstat(self._file.fileno())
        self.size = stat.st_size
        self.modified_ns = stat.st_mtime_ns
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
        """Reach the end: a zip's directory lies behind what is read of it."""
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


class Source:
    """An open CSV file, read once from front to back. Close it, or use it in a `with`.

    header: the names of the columns, without the spaces around them
    size, modified_ns: of the file on disk, as it was at opening
    settled: where the first record begins that bytes appended to the file could still change.
        Once all is read this is the file's end, unless its last line has no newline or a quote is
        open; a grown file may be continued from here. None for a packed file, or if nothing
        follows the header, not even a newline
    """

    def __init__(self, file: _FileAsOpened, resume: Position | None, block_bytes: int) -> None:
        self._file = file
        self._block_bytes = block_bytes
        self.size = file.size
        self.modified_ns = file.modified_ns
        self._stream, packing = _unpacked(file)
        self._packing = packing
        first = self._read(records.MAX_RECORD)
        self.header, end = _header(first)
        # What was read behind the header, and the line it begins with.
        self.rest, self.line = first[end:], 1 + first.count(b"\n", 0, end)
        continuable = not packing and end <= self.size
        self.settled = Position(end, self.line) if continuable else None
        if resume is not None:
            self._continue(resume)

    def _continue(self, at: Position) -> None:
        if self.settled is None:
            raise FileRefused("only a plain CSV can be continued")
        if not self.settled.offset <= at.offset <= self.size:
            raise FileRefused(f"the file has {self.size} bytes and cannot go on at {at.offset}")
        self._file.seek(at.offset)
        self.rest, self.line, self.settled = b"", at.line, at

    @property
    def bytes_read(self) -> int:
        """How much of `size` was read; of a packed file, before unpacking."""
        return self._file.reached

    def read_block(self) -> bytes:
        """The next bytes of the CSV, unpacked; none at its end. Raises FileRefused if damaged."""
        block = self._read(self._block_bytes)
        if not block:
            self._file.read_rest()
        return block

    def _read(self, count: int) -> bytes:
        if not self._packing:
            return self._stream.read(count)
        try:
            return self._stream.read(count)
        except _DAMAGE as error:
            raise FileRefused(f"a damaged {self._packing} file: {error}") from error

    def close(self) -> None:
        self._stream.close()
        self._file.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


def open_source(
    path: Path,
    *,
    on_bytes: Callable[[bytes], object] | None = None,
    resume: Position | None = None,
    block_bytes: int = _BLOCK_BYTES,
) -> Source:
    """Open a `.csv`, `.csv.gz` or `.zip` of one CSV, whatever its name, and read its header.

    on_bytes: gets the bytes of the file on disk as they are read, in order and without a gap: from
        the beginning, or from `resume` on; a hash's `update`
    resume: continue a plain CSV whose bytes before it were read before; lines count on from it
    block_bytes: how much to read at a time; memory holds a few times as much

    Raises FileRefused if it is no CSV, OSError if it cannot be opened.
    """
    file = _FileAsOpened(path, on_bytes, resume.offset if resume else 0)
    try:
        return Source(file, resume, block_bytes)
    except BaseException:
        file.close()
        raise


def _unpacked(file: _FileAsOpened) -> tuple[IO[bytes], str]:
    """The stream of the CSV itself, and how it is packed: "gzip", "zip" or ""."""
    if not file.size:
        raise FileRefused("the file is empty")
    magic = file.read(4)
    file.seek(0)
    raw = cast("IO[bytes]", file)
    if magic.startswith(_GZIP):
        return cast("IO[bytes]", gzip.GzipFile(fileobj=raw)), "gzip"
    if magic in _ZIP:
        return _only_csv(raw), "zip"
    return raw, ""


def _only_csv(file: IO[bytes]) -> IO[bytes]:
    try:
        archive = zipfile.ZipFile(file)
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
    """The names of the columns, and where the header ends; `first` is how the CSV begins."""
    if first.startswith(_UTF16):
        raise FileRefused("the file is UTF-16: save it as UTF-8")
    begin = len(_BOM) if first.startswith(_BOM) else 0
    if begin == len(first):
        raise FileRefused("the file is empty")
    whole = len(first) < records.MAX_RECORD
    if whole and not first.endswith(b"\n"):
        first += b"\n"
    record = records.record_at(first, begin, last=whole)
    raw = records.raw_record(first, begin, record.end if record else len(first))
    if not records.is_text(raw):
        raise FileRefused("not a CSV file: its first line is not UTF-8 text")
    if record is None or record.fields is None:
        raise FileRefused("not a CSV file: its first line is no list of column names")
    if records.is_blank(raw):
        raise FileRefused("no column names: the first line is blank")
    return tuple(field.decode().strip() for field in record.fields), record.end
