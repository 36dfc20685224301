"""One record at a time with Python's `csv`: exact for bytes of any kind.

What a record is, is decided here and nowhere else. The fast path of `csv_blocks` takes only bytes
of which it can prove that it finds the same in them.
"""

import csv
from collections.abc import Iterator
from typing import NamedTuple

from openhours.ingestion.csv.reasons import Reason

# Beyond this an unclosed quote is a mistake, not a long record: it must not swallow the file.
MAX_RECORD = 1 << 20

# Otherwise `csv` calls a field of more than 128 KiB an error, and pyarrow does not.
csv.field_size_limit(max(csv.field_size_limit(), MAX_RECORD))


class Record(NamedTuple):
    """A record that ends before `end`, its line end included; `fields` is None if it is no CSV."""

    fields: list[bytes] | None
    end: int


def record_at(data: bytes, start: int, *, last: bool) -> Record | None:
    """The record that begins at `start`, or None if only the bytes after `data` can tell.

    `last` says that no bytes follow; then `data` must end in a newline. A record whose quotes make
    no sense, or that is not over within MAX_RECORD bytes, is no CSV and ends with its first line.
    """
    limit = start + MAX_RECORD
    end = start
    ran_out = False

    def lines() -> Iterator[str]:
        nonlocal end, ran_out
        while following := data.find(b"\n", end, limit) + 1:
            begin, end = end, following
            # Latin-1 keeps every byte apart; quotes, commas and line ends are the same in UTF-8.
            yield data[begin:end].decode("latin-1")
        ran_out = True

    try:
        fields = next(csv.reader(lines(), strict=True), None)
    except csv.Error:
        fields = None
    if fields is not None:
        return Record([field.encode("latin-1") for field in fields], end)
    if ran_out and not last and len(data) < limit:
        return None
    first_line_end = data.find(b"\n", start) + 1
    return Record(None, first_line_end) if first_line_end else None


def structural_fault(raw: bytes, fields: list[bytes] | None, width: int) -> Reason | None:
    """Why a record (`raw`, without its line end) has no columns to look into, or None."""
    if len(raw) < MAX_RECORD and not is_text(raw):
        return Reason.BAD_ENCODING
    if fields is None or len(fields) != width:
        return Reason.WRONG_COLUMN_COUNT
    return None


def is_text(raw: bytes) -> bool:
    """Whether the bytes are UTF-8 without NUL, which PostgreSQL's text cannot hold."""
    if b"\0" in raw:
        return False
    try:
        raw.decode()
    except UnicodeDecodeError:
        return False
    return True


def raw_record(data: bytes, start: int, end: int) -> bytes:
    """The record in `[start, end)` as a reject keeps it: no line end, MAX_RECORD bytes at most."""
    return data[start:end].removesuffix(b"\n").removesuffix(b"\r")[:MAX_RECORD]


def is_blank(raw: bytes) -> bool:
    """Whether a line is no row at all."""
    return len(raw) < MAX_RECORD and not raw.strip()
