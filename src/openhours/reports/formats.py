"""Tables as CSV, JSON, Parquet or a workbook, written a page at a time."""

import json
import tempfile
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import IO, Any, Literal

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet

from openhours.api.off_loop import off_loop
from openhours.reports.tabular import Heading, Kind, Table, texts
from openhours.reports.xlsx import xlsx

Format = Literal["csv", "json", "parquet", "xlsx"]
MEDIA: dict[Format, str] = {
    "csv": "text/csv; charset=utf-8",
    "json": "application/json",
    "parquet": "application/vnd.apache.parquet",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}
_CHUNK = 1 << 18


async def written(
    table: Table, form: Format, folder: Path, metadata: dict[str, Any]
) -> AsyncIterator[bytes]:
    """Return a table in a format, in pieces; JSON begins with `metadata`.

    Formats that are not written from the beginning to the end are made first, in a temporary file
    in `folder`. Raise Invalid if there are more rows than the format holds.
    """
    if form == "csv":
        return csv(table)
    if form == "json":
        return json_rows(table, metadata)
    make = xlsx if form == "xlsx" else parquet
    await off_loop(lambda: folder.mkdir(parents=True, exist_ok=True))
    return _chunks(await make(table, folder))


async def _chunks(file: IO[bytes]) -> AsyncIterator[bytes]:
    with file:
        file.seek(0)
        while chunk := await off_loop(file.read, _CHUNK):
            yield chunk


async def csv(table: Table) -> AsyncIterator[bytes]:
    """Yield a table as CSV: UTF-8, lines ended by LF."""
    yield _csv_lines([_quoted(pa.array([heading.title])) for heading in table.headings])
    async for page in table.pages:
        yield await off_loop(_csv_page, page, table.headings)


def _csv_page(page: pd.DataFrame, headings: Sequence[Heading]) -> bytes:
    return _csv_lines([_cells(page, heading) for heading in headings])


def _cells(page: pd.DataFrame, heading: Heading) -> pa.StringArray:
    cells = texts(page, heading)
    return _quoted(cells) if heading.kind == "text" else cells


def _csv_lines(columns: Sequence[pa.StringArray]) -> bytes:
    # By Arrow: Python's own writer, and a string for each figure, take twice as long.
    lines = pc.binary_join_element_wise(*columns, ",")
    ended = pc.binary_join_element_wise(lines, "", "\n")
    together = pc.binary_join(pa.ListArray.from_arrays([0, len(ended)], ended), "")
    whole: bytes = together[0].as_buffer().to_pybytes()
    return whole


def _quoted(cells: pa.StringArray) -> pa.StringArray:
    """Return cells of a CSV file, those in quotes that need them."""
    needs = pc.match_substring_regex(cells, '[",\r\n]')
    if not pc.any(needs).as_py():
        return cells
    doubled = pc.replace_substring(cells, '"', '""')
    return pc.if_else(needs, pc.binary_join_element_wise('"', doubled, '"', ""), cells)


async def json_rows(table: Table, metadata: dict[str, Any]) -> AsyncIterator[bytes]:
    """Yield metadata with the rows of a table: `{…, "rows": [{"store_id": …, …}]}`."""
    yield json.dumps(metadata)[:-1].encode() + b', "rows": ['
    separator = b""
    async for page in table.pages:
        yield separator + await off_loop(_json_objects, page, table.headings)
        separator = b","
    yield b"]}\n"


def _json_objects(page: pd.DataFrame, headings: Sequence[Heading]) -> bytes:
    text: str = _with_counts(page, headings).to_json(
        orient="records", double_precision=2, date_format="iso", date_unit="us"
    )
    return text[1:-1].encode()


def _with_counts(page: pd.DataFrame, headings: Sequence[Heading]) -> pd.DataFrame:
    """Return the page with its counts as integers, some of them missing."""
    return page.astype({one.name: "Int64" for one in headings if one.kind == "count"})


_TYPES: dict[Kind, pa.DataType] = {
    "text": pa.string(),
    "instant": pa.timestamp("us", "UTC"),
    "figure": pa.float64(),
    "count": pa.int64(),
    "flag": pa.bool_(),
}


async def parquet(table: Table, folder: Path) -> IO[bytes]:
    """Return a table as a Parquet file with the CSV's columns, unnamed, in `folder`."""
    schema = pa.schema([(heading.title, _TYPES[heading.kind]) for heading in table.headings])

    def write(page: pd.DataFrame) -> None:
        named = _with_counts(page, table.headings).set_axis(schema.names, axis="columns")
        writer.write_table(pa.Table.from_pandas(named, schema, preserve_index=False))

    file = tempfile.TemporaryFile(dir=folder)  # noqa: SIM115  the caller's
    writer = pyarrow.parquet.ParquetWriter(file, schema)
    async for page in table.pages:
        await off_loop(write, page)
    await off_loop(writer.close)
    return file
