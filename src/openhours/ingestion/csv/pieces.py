"""Pieces of CSV as columns: by `pyarrow.csv` where that is exact, by `records` elsewhere.

pyarrow knows no line numbers and forgives much. So it gets a block only if the block proves to be
tidy, and its result counts only if every newline ended one row. A block that fails is tried again
in small pieces, and only the pieces that fail are read one record at a time.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.csv
from numpy.typing import NDArray

from openhours.ingestion.csv import records
from openhours.ingestion.csv.reasons import Reason, Reject
from openhours.ingestion.csv.records import Records

_PIECE_BYTES = 1 << 16
_ARROW_BLOCK_BYTES = 1 << 20  # what fits the processor's cache: a third faster than 8 MiB at once
_BOM = b"\xef\xbb\xbf"
_LF, _CR, _QUOTE, _COMMA = b'\n\r",'


class Shape(NamedTuple):
    """The number of columns of a row, and the positions of those to read."""

    width: int
    wanted: Sequence[int]


class Places(NamedTuple):
    """Places of rows: physical line, first byte, and the byte after the line end."""

    lines: NDArray[np.int64]
    starts: NDArray[np.int64]
    ends: NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Piece:
    """Bytes `[start, end)` of a block, which begin with line `line` and hold `lines` newlines.

    columns: binary values, one for each row that has all its columns
    skipped: the lines (from 0) that are no such row, where each line is a row of its own
    places: of the rows; None if each line is one but for those skipped: then they are found only
        when they are needed, which is seldom
    """

    start: int
    end: int
    line: int
    lines: int
    columns: list[pa.ChunkedArray]
    rejects: list[Reject]
    skipped: list[int]
    places: Places | None

    def find_places(self, data: bytes) -> Places:
        """Return where the rows are in `data`, the block."""
        if self.places is not None:
            return self.places
        ends = _line_ends(data, self)
        starts = np.concatenate(([self.start], ends[:-1]))
        lines = self.line + np.arange(len(ends))
        return Places(*(np.delete(part, self.skipped) for part in (lines, starts, ends)))


def parse(data: bytes, line: int, shape: Shape, *, last: bool) -> list[Piece]:
    """Return the block in pieces, up to the first record that only more bytes can tell.

    line: the first one's number
    last: no bytes follow; then the block ends in a newline
    """
    whole = _parse_fast(data, 0, len(data), line, shape)
    if whole is not None:
        return [whole]
    exact = Records(data, last=last)
    pieces: list[Piece] = []
    position = 0
    while position < len(data):
        target = min(position + _PIECE_BYTES, len(data))
        piece = _parse_fast(data, position, target, line, shape)
        piece = piece or _parse_exactly(exact, data, position, target, line, shape)
        if piece.end == position:
            break
        pieces.append(piece)
        position, line = piece.end, line + piece.lines
    return pieces


def _parse_fast(data: bytes, start: int, stop: int, line: int, shape: Shape) -> Piece | None:
    """Return the whole lines within `[start, stop)`, or None if pyarrow might misread them."""
    end = data.rfind(b"\n", start, stop) + 1
    if not end:
        return None
    quoted = data.find(b'"', start, end) >= 0
    if not _is_tidy(data, start, end, quoted=quoted):
        return None
    names = [str(number) for number in range(shape.width)]
    wanted = [names[number] for number in shape.wanted]
    skipped: list[int] = []

    def skip(row: Any) -> str:
        skipped.append(row.number - 1)
        return "skip"

    try:
        table = pyarrow.csv.read_csv(
            pa.BufferReader(pa.py_buffer(data).slice(start, end - start)),
            pyarrow.csv.ReadOptions(
                use_threads=False, column_names=names, block_size=_ARROW_BLOCK_BYTES
            ),
            # Newlines in quotes are allowed only so that they are noticed, by the count of rows.
            pyarrow.csv.ParseOptions(newlines_in_values=quoted, invalid_row_handler=skip),
            pyarrow.csv.ConvertOptions(
                column_types=dict.fromkeys(wanted, pa.binary()), include_columns=wanted
            ),
        )
    except pa.ArrowInvalid:
        return None
    lines = int(np.count_nonzero(_bytes(data, start, end) == _LF))
    if table.num_rows + len(skipped) != lines:
        return None
    values = [table.column(name) for name in wanted]
    piece = Piece(start, end, line, lines, values, [], skipped, None)
    piece.rejects.extend(_wrong_column_counts(data, piece))
    return piece


def _is_tidy(data: bytes, start: int, end: int, *, quoted: bool) -> bool:
    """Return whether these lines hold nothing that pyarrow and `csv` could take differently."""
    if data.find(b"\0", start, end) >= 0 or data.startswith(_BOM, start, end):
        return False
    # A line longer than MAX_RECORD would cover one of these stretches.
    stretch = records.MAX_RECORD // 2
    for begin in range(start, end - stretch, stretch):
        if data.find(b"\n", begin, begin + stretch) < 0:
            return False
    view = _bytes(data, start, end)
    if data.find(b"\r", start, end) >= 0:
        returns = view == _CR
        if (returns[:-1] & (view[1:] != _LF)).any():
            return False
    if view.max() >= 0x80 and not records.is_text(data[start:end]):
        return False
    return not quoted or _has_tidy_quotes(view)


def _has_tidy_quotes(data: NDArray[np.uint8]) -> bool:
    """Return whether quotes come in pairs around whole fields, or doubled inside such a pair."""
    quotes = np.flatnonzero(data == _QUOTE)
    if len(quotes) % 2:
        return False
    opening, closing = quotes[0::2], quotes[1::2]
    # The data ends in a newline, so a closing quote has a neighbour; data[-1] is that newline
    # and stands for the one before the first byte.
    before, after = data[opening - 1], data[closing + 1]
    opens = (before == _COMMA) | (before == _LF) | (before == _QUOTE)
    closes = (after == _COMMA) | (after == _LF) | (after == _CR) | (after == _QUOTE)
    return bool(opens.all() and closes.all())


def _wrong_column_counts(data: bytes, piece: Piece) -> Iterator[Reject]:
    if not piece.skipped:
        return
    ends = _line_ends(data, piece)
    for number in piece.skipped:
        begin = piece.start if number == 0 else int(ends[number - 1])
        raw = records.raw_record(data, begin, int(ends[number]))
        if not records.is_blank(raw):
            yield Reject(piece.line + number, Reason.WRONG_COLUMN_COUNT, raw)


def _parse_exactly(
    exact: Records, data: bytes, start: int, target: int, line: int, shape: Shape
) -> Piece:
    """Return the records from `start` on until one reaches `target` or only more bytes can tell."""
    first_line = line
    rows: list[list[bytes]] = []
    places: list[tuple[int, int, int]] = []
    rejects: list[Reject] = []
    position = start
    while position < target:
        record = exact.at(position)
        if record is None:
            break
        raw = records.raw_record(data, position, record.end)
        if not records.is_blank(raw):
            reason = records.structural_reason(raw, record.fields, shape.width)
            if reason is not None:
                rejects.append(Reject(line, reason, raw))
            elif record.fields is not None:
                rows.append([record.fields[number] for number in shape.wanted])
                places.append((line, position, record.end))
        line += data.count(b"\n", position, record.end)
        position = record.end
    values = [
        pa.chunked_array([[row[at] for row in rows]], pa.binary())
        for at in range(len(shape.wanted))
    ]
    found = Places(*np.array(places, np.int64).reshape(-1, 3).T)
    return Piece(start, position, first_line, line - first_line, values, rejects, [], found)


def _bytes(data: bytes, start: int, end: int) -> NDArray[np.uint8]:
    return np.frombuffer(data, np.uint8, end - start, start)


def _line_ends(data: bytes, piece: Piece) -> NDArray[np.int64]:
    found = np.flatnonzero(_bytes(data, piece.start, piece.end) == _LF)
    return found.astype(np.int64) + (piece.start + 1)
