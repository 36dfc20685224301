"""Records of a file in batches of a few MiB, each with the position that follows it."""

from collections.abc import Iterator, Sequence

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from openhours.ingestion.csv import records
from openhours.ingestion.csv.pieces import Piece, Places, Shape, parse
from openhours.ingestion.csv.reasons import Reject
from openhours.ingestion.csv.source import Position, Source

# One byte a row: 0 for a good one, else the code of the reason why it is rejected; see `checks`.
ReasonCodes = NDArray[np.uint8]


class Batch:
    """Records of a block of one file.

    columns: the wanted columns, one binary value for each row that has all its columns
    rejects: the rows that have not, or are no text
    settled: where the first record begins that bytes appended to the file could still change:
        after this batch, but before the last one of a file whose last line is not over
    """

    def __init__(self, data: bytes, pieces: Sequence[Piece], settled: Position) -> None:
        self.settled = settled
        self.rejects: list[Reject] = [reject for piece in pieces for reject in piece.rejects]
        columns = zip(*(piece.columns for piece in pieces), strict=True)
        self.columns: list[pa.Array] = [
            pa.concat_arrays([chunk for part in column for chunk in part.chunks])
            for column in columns
        ]
        self._data = data
        self._pieces = pieces

    def places(self) -> Places:
        """Return where the rows of `columns` are."""
        parts = [piece.find_places(self._data) for piece in self._pieces]
        return Places(*(np.concatenate(part) for part in zip(*parts, strict=True)))

    def raws(self, places: Places, rows: NDArray[np.intp]) -> list[bytes]:
        """Return the given rows as they are written, without their line ends."""
        spans = zip(places.starts[rows].tolist(), places.ends[rows].tolist(), strict=True)
        return [records.raw_record(self._data, start, end) for start, end in spans]


def read_batches(source: Source, columns: Sequence[int]) -> Iterator[Batch]:
    """Yield all records of the source, in the file's order; `columns` are positions in its header.

        the CSV   ..., whole records ][ 8419,2023-01-22 12:0 ][ next chunk ...
                                      ^ at                   ^ read so far
                                      [ data                 ]

    `data` is what is read but not told yet, from `at` on. Only one line whose end was not read can
    be longer than MAX_RECORD; its middle is dropped, `dropped` bytes of it so far.

    Raise FileRefused if the file turns out to be damaged.
    """
    shape = Shape(len(source.header), columns)
    at, data, dropped = source.start, b"", 0
    for chunk in source.chunks():
        data += chunk
        pieces = parse(data, at.line, shape, last=False)
        if pieces:
            told = pieces[-1].end
            lines = sum(piece.lines for piece in pieces)
            at = Position(at.offset + dropped + told, at.line + lines)
            yield Batch(data, pieces, settled=at)
            data, dropped = data[told:], 0
        overlong = max(len(data) - records.MAX_RECORD - 1, 0)
        data, dropped = data[: len(data) - overlong], dropped + overlong
    if data:
        data += b"\n"
        yield Batch(data, parse(data, at.line, shape, last=True), settled=at)
