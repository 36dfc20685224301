"""Parquet files, read as the CSV that they could have been."""

import io
from typing import IO, Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
import pyarrow.parquet

# Rows that are read at once; and the most bytes of a value, longer than any name, instant or status
# is: one that a file names again and again, in a byte each, must not fill the memory.
_ROWS = 4096
_MAX_VALUE = 4096
_INSTANT = pa.timestamp("us", "UTC")


class ParquetAsCsv(io.RawIOBase):
    """Bytes of a CSV with the columns of a Parquet file that hold one value a row.

    Instants are written in UTC, to the microsecond; those without a zone are UTC. A row without a
    value has an empty cell. Raise ValueError, OSError or RuntimeError if the file is damaged.
    """

    def __init__(self, file: IO[bytes]) -> None:
        schema = pa.parquet.read_schema(file)
        plain = [field for field in schema if not pa.types.is_nested(field.type)]
        names = [field.name for field in plain]
        # Texts are read as references to their values.
        texts = [field.name for field in plain if _is_text(field.type)]
        parquet = pa.parquet.ParquetFile(file, read_dictionary=texts)
        self._batches = parquet.iter_batches(_ROWS, columns=names, use_threads=False)
        header = pa.table([pa.array([], pa.string())] * len(names), names)
        self._left = memoryview(_csv(header, header=True))

    def readable(self) -> bool:
        """Return that it can be read."""
        return True

    def readinto(self, buffer: Any, /) -> int:
        """Fill the buffer with the next bytes; return how many, 0 at the end."""
        into = memoryview(buffer).cast("B")
        while not self._left:
            batch = next(self._batches, None)
            if batch is None:
                return 0
            columns = [_written(column) for column in batch.columns]
            self._left = memoryview(_csv(pa.table(columns, batch.schema.names), header=False))
        count = min(len(into), len(self._left))
        into[:count], self._left = self._left[:count], self._left[count:]
        return count


def _is_text(kind: pa.DataType) -> bool:
    return any(
        is_one(kind)
        for is_one in (
            pa.types.is_string,
            pa.types.is_large_string,
            pa.types.is_binary,
            pa.types.is_large_binary,
        )
    )


def _written(column: pa.Array) -> pa.Array:
    if pa.types.is_dictionary(column.type):
        if _is_text(column.type.value_type):
            longest = pc.max(pc.binary_length(column.dictionary)).as_py()
            if (longest or 0) > _MAX_VALUE:
                raise ValueError(f"a value has {longest:,} bytes")
        column = column.dictionary_decode()
    if pa.types.is_timestamp(column.type):
        column = column.cast(_INSTANT, safe=False)
    return column.cast(pa.string())


def _csv(table: pa.Table, *, header: bool) -> bytes:
    out = io.BytesIO()
    options = pa.csv.WriteOptions(include_header=header, quoting_style="needed")
    pa.csv.write_csv(table, out, options)
    return out.getvalue()
