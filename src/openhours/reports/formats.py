"""Tables as CSV, JSON or Parquet, written a page at a time."""

import io
import json
from collections.abc import AsyncIterator, Sequence
from csv import writer as csv_writer
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet

from openhours.api.off_loop import off_loop
from openhours.reports.layouts import Heading

Format = Literal["csv", "json", "parquet"]
MEDIA: dict[Format, str] = {
    "csv": "text/csv; charset=utf-8",
    "json": "application/json",
    "parquet": "application/vnd.apache.parquet",
}


@dataclass(frozen=True)
class Table:
    """Columns, and pages of rows, whose frames have these columns by their names."""

    headings: Sequence[Heading]
    pages: AsyncIterator[pd.DataFrame]


async def csv(table: Table) -> AsyncIterator[bytes]:
    """Yield a table as CSV: UTF-8, lines ended by LF."""
    yield _csv_lines([[heading.title] for heading in table.headings])
    async for page in table.pages:
        yield await off_loop(_csv_page, page, table.headings)


def _csv_page(page: pd.DataFrame, headings: Sequence[Heading]) -> bytes:
    return _csv_lines([_texts(page[heading.name], heading) for heading in headings])


def _csv_lines(columns: Sequence[Sequence[str]]) -> bytes:
    # A third of the time of pandas' own `to_csv`.
    out = io.StringIO()
    csv_writer(out, lineterminator="\n").writerows(zip(*columns, strict=True))
    return out.getvalue().encode()


def _texts(column: "pd.Series[Any]", heading: Heading) -> Sequence[str]:
    """Return the values as a CSV has them."""
    if heading.kind == "figure":
        return ["" if value != value else f"{value:.2f}" for value in column.tolist()]  # noqa: PLR0124
    if heading.kind == "instant":
        instants = column.to_numpy("datetime64[us]")
        texts: list[str] = np.datetime_as_string(instants, timezone="UTC").tolist()
        return texts
    return list(column)


async def json_rows(table: Table, metadata: dict[str, Any]) -> AsyncIterator[bytes]:
    """Yield metadata with the rows of a table: `{…, "rows": [{"store_id": …, …}]}`."""
    yield json.dumps(metadata)[:-1].encode() + b', "rows": ['
    separator = b""
    async for page in table.pages:
        yield separator + await off_loop(_json_objects, page)
        separator = b","
    yield b"]}\n"


def _json_objects(page: pd.DataFrame) -> bytes:
    text: str = page.to_json(
        orient="records", double_precision=2, date_format="iso", date_unit="us"
    )
    return text[1:-1].encode()


_TYPES = {
    "text": pa.string(),
    "instant": pa.timestamp("us", "UTC"),
    "figure": pa.float64(),
}


async def parquet(table: Table) -> bytes:
    """Return a table as a Parquet file with the CSV's columns."""
    schema = pa.schema([(heading.title, _TYPES[heading.kind]) for heading in table.headings])

    def converted(page: pd.DataFrame) -> pa.Table:
        named = page.set_axis(schema.names, axis="columns")
        return pa.Table.from_pandas(named, schema, preserve_index=False)

    tables = [await off_loop(converted, page) async for page in table.pages]
    return await off_loop(_parquet_file, pa.concat_tables([schema.empty_table(), *tables]))


def _parquet_file(table: pa.Table) -> bytes:
    out = io.BytesIO()
    pyarrow.parquet.write_table(table, out)
    return out.getvalue()
