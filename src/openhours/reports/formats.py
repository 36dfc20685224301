"""A complete report as CSV, JSON or Parquet, made from its rows a page at a time."""

import io
import json
from collections.abc import AsyncIterator, Callable, Sequence
from csv import writer as csv_writer
from dataclasses import dataclass
from functools import cache
from typing import Any, TypeVar

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet
from anyio import CapacityLimiter
from numpy.typing import NDArray
from sqlalchemy.ext.asyncio import AsyncEngine

from openhours.api.off_loop import off_loop
from openhours.reports.queries import read_rows, row_stores
from openhours.reports.tables import Report
from openhours.reports.windows import windows_of
from openhours.times import HOUR, MINUTE
from openhours.uptime.windows import Window

Written = TypeVar("Written")

_PAGE = 2_000


@dataclass(frozen=True)
class Heading:
    """A figure's name in JSON, and its unit, which a CSV's header adds."""

    name: str
    unit: str | None

    @property
    def title(self) -> str:
        """Return the name in a CSV's header."""
        return self.name if self.unit is None else f"{self.name}({self.unit})"


def headings(windows: Sequence[Window], full: bool) -> list[Heading]:
    """Return the figures of a row in their order; `full` adds the confidence columns."""
    names = [
        Heading(f"{figure}_{window.name}", _unit(window)[1])
        for figure in ("uptime", "downtime")
        for window in windows
    ]
    if full:
        names += [Heading(f"coverage_{window.name}", None) for window in windows]
        names += [
            Heading(f"{figure}_{window.name}", _unit(window)[1])
            for figure in ("uptime_low", "uptime_high", "corrected")
            for window in windows
        ]
    return names


def _unit(window: Window) -> tuple[int, str]:
    """Return the unit in which a window's figures are written, in µs and in words."""
    return (MINUTE, "in minutes") if window.is_short else (HOUR, "in hours")


def hundredths(us: NDArray[np.int64], unit: NDArray[np.int64] | int) -> NDArray[np.int64]:
    """Return us / unit in hundredths, rounded half to even, exactly: without any float."""
    whole, rest = np.divmod(us * 100, unit)
    up = (rest * 2 > unit) | ((rest * 2 == unit) & (whole % 2 == 1))
    return np.asarray(whole + up, np.int64)


def frame(
    store_ids: list[str], rows: dict[str, NDArray[Any]], windows: Sequence[Window], full: bool
) -> pd.DataFrame:
    """Return the rows as they are written: rounded, NaN where a figure is empty.

    `rows` are as `rows.row_columns` makes them.
    """
    known = rows["known"]
    columns: dict[str, Any] = {"store_id": store_ids}
    for n, window in enumerate(windows):
        unit, _ = _unit(window)
        up, opened = rows["up"][:, n], rows["open"][:, n]
        columns[f"uptime_{window.name}"] = np.where(known, _rounded(up, unit), np.nan)
        columns[f"downtime_{window.name}"] = np.where(known, _rounded(opened - up, unit), np.nan)
        if full:
            observed, surely_up = rows["observed"][:, n], rows["up_observed"][:, n]
            some = np.where(opened == 0, 1, opened)
            columns[f"coverage_{window.name}"] = np.where(
                opened == 0, np.nan, _rounded(observed, some)
            )
            columns[f"uptime_low_{window.name}"] = _rounded(surely_up, unit)
            columns[f"uptime_high_{window.name}"] = _rounded(surely_up + opened - observed, unit)
            corrected = rows["corrected"][:, n] if "corrected" in rows else np.zeros_like(opened)
            columns[f"corrected_{window.name}"] = _rounded(corrected, unit)
    names = [heading.name for heading in headings(windows, full)]
    return pd.DataFrame(columns)[["store_id", *names]]


def _rounded(us: NDArray[np.int64], unit: NDArray[np.int64] | int) -> NDArray[np.float64]:
    return hundredths(us, unit) / 100


async def _pages(
    engine: AsyncEngine, report: Report, full: bool, write: Callable[[pd.DataFrame], Written]
) -> AsyncIterator[Written]:
    """Yield the rows of a report as `write` writes them, sorted by store_id bytewise.

    They are read in pages, so that downloads take turns; and no connection is held while a page is
    on its way to a slow client. Raise RuntimeError if the report is removed meanwhile.
    """

    windows = windows_of(report)

    def written(store_ids: list[str], rows: dict[str, NDArray[Any]]) -> Written:
        return write(frame(store_ids, rows, windows, full))

    async with _two_at_a_time():
        store_pks, store_ids = await row_stores(engine, report.id)
    if len(store_ids) != report.row_count:
        raise _removed()
    for start in range(0, len(store_ids), _PAGE):
        page = slice(start, start + _PAGE)
        async with _two_at_a_time():
            rows = await read_rows(engine, report, store_pks[page])
            if len(rows["known"]) < len(store_ids[page]):
                raise _removed()
            page_written = await off_loop(written, store_ids[page], rows)
        yield page_written


@cache
def _two_at_a_time() -> CapacityLimiter:
    # One is read while another is written; more would only take connections from other requests.
    return CapacityLimiter(2)


def _removed() -> RuntimeError:
    # Half of a file must not look whole: the client's connection is cut.
    return RuntimeError("the report was removed while it was read")


def _titles(report: Report, full: bool) -> list[str]:
    return ["store_id", *(heading.title for heading in headings(windows_of(report), full))]


async def csv(engine: AsyncEngine, report: Report, full: bool) -> AsyncIterator[bytes]:
    """Yield the report as CSV: UTF-8, lines ended by LF."""
    yield ",".join(_titles(report, full)).encode() + b"\n"
    async for lines in _pages(engine, report, full, _csv_lines):
        yield lines


def _csv_lines(rows: pd.DataFrame) -> bytes:
    # A third of the time of pandas' own `to_csv`.
    texts = (
        ["" if value != value else f"{value:.2f}" for value in rows[name].tolist()]  # noqa: PLR0124
        for name in rows.columns[1:]
    )
    out = io.StringIO()
    csv_writer(out, lineterminator="\n").writerows(zip(rows["store_id"], *texts, strict=True))
    return out.getvalue().encode()


async def json_rows(
    engine: AsyncEngine, report: Report, full: bool, metadata: dict[str, Any]
) -> AsyncIterator[bytes]:
    """Yield the report's metadata with its rows: `{…, "rows": [{"store_id": …, …}]}`."""
    yield json.dumps(metadata)[:-1].encode() + b', "rows": ['
    separator = b""
    async for rows in _pages(engine, report, full, _json_objects):
        yield separator + rows
        separator = b","
    yield b"]}\n"


def _json_objects(rows: pd.DataFrame) -> bytes:
    text: str = rows.to_json(orient="records", double_precision=2)
    return text[1:-1].encode()


async def parquet(engine: AsyncEngine, report: Report, full: bool) -> bytes:
    """Return the report as a Parquet file with the CSV's columns."""
    figures = [pa.field(title, pa.float64()) for title in _titles(report, full)[1:]]
    schema = pa.schema([pa.field("store_id", pa.string()), *figures])

    def table(rows: pd.DataFrame) -> pa.Table:
        named = rows.set_axis(schema.names, axis="columns")
        return pa.Table.from_pandas(named, schema, preserve_index=False)

    tables = [page async for page in _pages(engine, report, full, table)]
    return await off_loop(_parquet_file, pa.concat_tables([schema.empty_table(), *tables]))


def _parquet_file(table: pa.Table) -> bytes:
    out = io.BytesIO()
    pyarrow.parquet.write_table(table, out)
    return out.getvalue()
