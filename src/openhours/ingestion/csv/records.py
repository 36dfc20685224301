"""One record at a time with Python's `csv`: exact for bytes of any kind.

What a record is, is decided here and nowhere else. The fast path of `pieces` takes only bytes of
which it can prove that it finds the same in them.
"""

import csv
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from openhours.ingestion.csv.reasons import Reason

# Beyond this an unclosed quote is a mistake, not a long record: it must not swallow the file.
MAX_RECORD = 1 << 20

# Otherwise `csv` calls a field of more than 128 KiB an error, and pyarrow does not.
csv.field_size_limit(max(csv.field_size_limit(), MAX_RECORD))


class Record(NamedTuple):
    """Record that ends before `end`, its line end included; `fields` is None if it is not CSV."""

    fields: list[bytes] | None
    end: int


class Records:
    """Find the records of some bytes, in time linear in the bytes, whatever they are.

    A line that ends inside quotes needs a look ahead, to where they close. The lines after it may
    end so, too, and then they need the same look: a quote that is open at the beginning of one
    line is open at the beginning of all up to `_open_until`. So the look goes on where it ended.

        a","x⏎  a","x⏎  bcd⏎  a",f⏎  ...
                ^ quote open ^ _open_until: not known to be open beyond
                               a",f⏎ closes it: the record may end at `_look_end`

    last: no bytes follow; then the bytes must end in a newline
    """

    def __init__(self, data: bytes, *, last: bool) -> None:
        self._data = data
        self._last = last
        self._forget(0)

    def at(self, start: int) -> Record | None:
        """Return the record that begins at `start`, or None if only more bytes can tell.

        A record whose quotes make no sense, or that is not over within MAX_RECORD bytes, is no CSV
        and ends with its first line. Calls go forward: `start` is never less than before.
        """
        limit = start + MAX_RECORD
        end = self._data.find(b"\n", start, limit) + 1
        if end:
            fields, is_open = _read([self._data[start:end]])
            if not is_open:
                return Record(fields, end)
            self._look_ahead(end, limit)
            if self._closes is False:
                return Record(None, end)
            if self._closes and self._look_end <= limit:
                fields, _ = _read([self._data[start : self._look_end]])
                return Record(fields, self._look_end)
        if not self._last and len(self._data) < limit:
            return None
        end = end or self._data.find(b"\n", limit) + 1
        return Record(None, end) if end else None

    def _forget(self, start: int) -> None:
        self._open_until = self._look_end = start
        # Whether the line at `_open_until` closes the quote, or is no CSV; None if it is not known.
        self._closes: bool | None = None

    def _look_ahead(self, start: int, limit: int) -> None:
        """Follow the quote that is open at a line's `start`, to its end or to `limit`."""
        if start > self._open_until:
            self._forget(start)
        if self._closes is None:
            fields, is_open = _read(self._lines_ahead(limit))
            if not is_open:
                self._closes = fields is not None

    def _lines_ahead(self, limit: int) -> Iterator[bytes]:
        quote = b'"'  # the state of a parser between these lines: inside a quoted field
        while True:
            end = self._data.find(b"\n", self._look_end, limit) + 1
            if not end:
                # No newline in these bytes: they are not searched again.
                self._look_end = max(self._look_end, min(limit, len(self._data)))
                return
            self._look_end = end
            yield quote + self._data[self._open_until : end]
            self._open_until, quote = end, b""


def _read(lines: Iterable[bytes]) -> tuple[list[bytes] | None, bool]:
    """Return the fields of the record in whole lines, and whether a quote is open at their end.

    Without fields and without an open quote the lines are no CSV.
    """
    is_open = False

    def decoded() -> Iterator[str]:
        nonlocal is_open
        for line in lines:
            # Latin-1 keeps every byte apart; quotes, commas and line ends are the same in UTF-8.
            yield line.decode("latin-1")
        is_open = True

    try:
        fields = next(csv.reader(decoded(), strict=True), None)
    except csv.Error:
        fields = None
    return (None if fields is None else [field.encode("latin-1") for field in fields]), is_open


def structural_reason(raw: bytes, fields: list[bytes] | None, width: int) -> Reason | None:
    """Return why a record (`raw`, without its line end) has no columns to look into, or None."""
    if len(raw) < MAX_RECORD and not is_text(raw):
        return Reason.BAD_ENCODING
    if fields is None or len(fields) != width:
        return Reason.WRONG_COLUMN_COUNT
    return None


def is_text(raw: bytes) -> bool:
    """Return whether the bytes are UTF-8 without NUL, which PostgreSQL's text cannot hold."""
    if b"\0" in raw:
        return False
    try:
        raw.decode()
    except UnicodeDecodeError:
        return False
    return True


def raw_record(data: bytes, start: int, end: int) -> bytes:
    """Return the record in `[start, end)` without its line end, MAX_RECORD bytes at most."""
    return data[start:end].removesuffix(b"\n").removesuffix(b"\r")[:MAX_RECORD]


def is_blank(raw: bytes) -> bool:
    """Return whether a line is no row at all."""
    return len(raw) < MAX_RECORD and not raw.strip()
