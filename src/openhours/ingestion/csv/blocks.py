"""Records in blocks of a few MiB: `pyarrow.csv` where that is exact, Python's `csv` elsewhere.

pyarrow knows no line numbers and forgives much. So it gets a block only if the block proves to be
tidy, and its result counts only if every newline ended one row. A block that fails is tried again
in small pieces, and only the pieces that fail go through `records`, one record at a time.
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
from openhours.ingestion.csv.source import Position, Source

_PIECE_BYTES = 1 << 16
_ARROW_BLOCK_BYTES = 1 << 20  # what fits the processor's cache: a third faster than 8 MiB at once
_BOM = b"\xef\xbb\xbf"
_LF, _CR, _QUOTE, _COMMA = b'\n\r",'


class _Shape(NamedTuple):
    """How many columns a row has, and which of them are asked for."""

    width: int
    wanted: Sequence[int]


class Places(NamedTuple):
    """Where rows stand: physical line, first byte, and the byte after the line end."""

    lines: NDArray[np.int64]
    starts: NDArray[np.int64]
    ends: NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class _Piece:
    """Bytes `[start, end)` of a block, which begin with line `line` and hold `lines` newlines.

    `places` is None if each line is a row but for those `set_aside` (from 0): then they are found
    only when asked for, which is seldom.
    """

    start: int
    end: int
    line: int
    lines: int
    columns: list[pa.ChunkedArray]
    rejects: list[Reject]
    set_aside: list[int]
    places: Places | None


class Batch:
    """The records of a block of one file.

    columns: the columns asked for, one binary value for each row that has all its columns
    rejects: the rows that have not, or are no text
    """

    def __init__(self, data: bytes, pieces: list[_Piece]) -> None:
        self.data = data
        self._pieces = pieces
        columns = zip(*(piece.columns for piece in pieces), strict=True)
        self.columns: list[pa.Array] = [
            pa.concat_arrays([chunk for part in column for chunk in part.chunks])
            for column in columns
        ]
        self.rejects = [reject for piece in pieces for reject in piece.rejects]

    def places(self) -> Places:
        """Where the rows of `columns` stand."""
        parts = [piece.places or _places(self.data, piece) for piece in self._pieces]
        return Places(*(np.concatenate(part) for part in zip(*parts, strict=True)))


def batches(source: Source, columns: Sequence[int]) -> Iterator[Batch]:
    """All records of the source, in the file's order; `columns` are positions in its header.

    Raises FileRefused if the file turns out to be damaged.
    """
    data, line, shape = source.rest, source.line, _Shape(len(source.header), columns)
    dropped = 0  # bytes of a line that is too long to be a record: they count for offsets only
    while True:
        pieces = _parse(data, line, shape, last=False)
        if pieces:
            yield Batch(data, pieces)
            used, line = pieces[-1].end, line + sum(piece.lines for piece in pieces)
            if source.settled is not None:
                source.settled = Position(source.settled.offset + dropped + used, line)
            data, dropped = data[used:], 0
        # Only a single line whose end was not seen can be as long.
        overlong = len(data) - records.MAX_RECORD - 1
        if overlong > 0:
            data, dropped = data[:-overlong], dropped + overlong
        block = source.read_block()
        if not block:
            break
        data += block
    if data:
        data += b"\n"
        yield Batch(data, _parse(data, line, shape, last=True))


def _parse(data: bytes, line: int, shape: _Shape, *, last: bool) -> list[_Piece]:
    """Pieces from the beginning of `data` up to the first record that only more bytes can tell."""
    whole = _fast(data, 0, len(data), line, shape)
    if whole is not None:
        return [whole]
    pieces: list[_Piece] = []
    position = 0
    while position < len(data):
        target = min(position + _PIECE_BYTES, len(data))
        piece = _fast(data, position, target, line, shape)
        piece = piece or _exact(data, position, target, line, shape, last=last)
        if piece.end == position:
            break
        pieces.append(piece)
        position, line = piece.end, line + piece.lines
    return pieces


def _fast(data: bytes, start: int, stop: int, line: int, shape: _Shape) -> _Piece | None:
    """The whole lines within `[start, stop)`, or None if pyarrow might misread them."""
    end = data.rfind(b"\n", start, stop) + 1
    if not end:
        return None
    quoted = data.find(b'"', start, end) >= 0
    if not _is_tidy(data, start, end, quoted=quoted):
        return None
    names = [str(number) for number in range(shape.width)]
    wanted = [names[number] for number in shape.wanted]
    odd: list[int] = []

    def set_aside(row: Any) -> str:
        odd.append(row.number - 1)
        return "skip"

    try:
        table = pyarrow.csv.read_csv(
            pa.BufferReader(pa.py_buffer(data).slice(start, end - start)),
            pyarrow.csv.ReadOptions(
                use_threads=False, column_names=names, block_size=_ARROW_BLOCK_BYTES
            ),
            # Newlines in quotes are allowed only so that they are noticed, by the count of rows.
            pyarrow.csv.ParseOptions(newlines_in_values=quoted, invalid_row_handler=set_aside),
            pyarrow.csv.ConvertOptions(
                column_types=dict.fromkeys(wanted, pa.binary()), include_columns=wanted
            ),
        )
    except pa.ArrowInvalid:
        return None
    lines = int(np.count_nonzero(_bytes(data, start, end) == _LF))
    if table.num_rows + len(odd) != lines:
        return None
    values = [table.column(name) for name in wanted]
    piece = _Piece(start, end, line, lines, values, [], odd, None)
    piece.rejects.extend(_wrong_column_counts(data, piece))
    return piece


def _is_tidy(data: bytes, start: int, end: int, *, quoted: bool) -> bool:
    """Whether these lines hold nothing that pyarrow and `csv` could take differently."""
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
    """Whether quotes come in pairs around whole fields, or doubled inside such a pair."""
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


def _exact(data: bytes, start: int, target: int, line: int, shape: _Shape, *, last: bool) -> _Piece:
    """The records from `start` on until one reaches `target` or only more bytes can tell."""
    first_line = line
    rows: list[list[bytes]] = []
    places: list[tuple[int, int, int]] = []
    rejects: list[Reject] = []
    position = start
    while position < target:
        record = records.record_at(data, position, last=last)
        if record is None:
            break
        raw = records.raw_record(data, position, record.end)
        if not records.is_blank(raw):
            fault = records.structural_fault(raw, record.fields, shape.width)
            if fault is not None:
                rejects.append(Reject(line, fault, raw))
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
    return _Piece(start, position, first_line, line - first_line, values, rejects, [], found)


def _bytes(data: bytes, start: int, end: int) -> NDArray[np.uint8]:
    return np.frombuffer(data, np.uint8, end - start, start)


def _line_ends(data: bytes, piece: _Piece) -> NDArray[np.int64]:
    found = np.flatnonzero(_bytes(data, piece.start, piece.end) == _LF)
    return found.astype(np.int64) + (piece.start + 1)


def _places(data: bytes, piece: _Piece) -> Places:
    ends = _line_ends(data, piece)
    starts = np.concatenate(([piece.start], ends[:-1]))
    lines = piece.line + np.arange(len(ends))
    return Places(*(np.delete(part, piece.set_aside) for part in (lines, starts, ends)))


def _wrong_column_counts(data: bytes, piece: _Piece) -> Iterator[Reject]:
    if not piece.set_aside:
        return
    ends = _line_ends(data, piece)
    for number in piece.set_aside:
        begin = piece.start if number == 0 else int(ends[number - 1])
        raw = records.raw_record(data, begin, int(ends[number]))
        if not records.is_blank(raw):
            yield Reject(piece.line + number, Reason.WRONG_COLUMN_COUNT, raw)
