"""A complete report as CSV, JSON or Parquet, made from its rows a page at a time."""

import io
import json
from collections.abc import AsyncIterator
from csv import writer as csv_writer
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet
from numpy.typing import NDArray
from sqlalchemy.ext.asyncio import AsyncEngine

from openhours.db import bulk
from openhours.db.engine import raw_connection

# Units in which figures are written, in µs.
_MINUTES = 60_000_000
_HOURS = 3_600_000_000
_PAGE = 20_000

_WINDOWS = (
    ("hour", _MINUTES, "in minutes"),
    ("day", _HOURS, "in hours"),
    ("week", _HOURS, "in hours"),
)
_FIGURES = ("open", "up", "observed", "up_observed")
_TYPES = {
    "store": "int4",
    "known": "bool",
    **{f"{figure}_{window}": "int8" for figure in _FIGURES for window, _, _ in _WINDOWS},
}


@dataclass(frozen=True)
class Heading:
    """A figure's name in JSON, and its unit, which a CSV's header adds."""

    name: str
    unit: str | None

    @property
    def title(self) -> str:
        return self.name if self.unit is None else f"{self.name}({self.unit})"


def headings(full: bool) -> list[Heading]:
    """The figures of a row in their order; `full` adds the confidence columns."""
    names = [
        Heading(f"{figure}_last_{window}", unit)
        for figure in ("uptime", "downtime")
        for window, _, unit in _WINDOWS
    ]
    if full:
        names += [Heading(f"coverage_last_{window}", None) for window, _, _ in _WINDOWS]
        names += [
            Heading(f"{figure}_last_{window}", unit)
            for figure in ("uptime_low", "uptime_high")
            for window, _, unit in _WINDOWS
        ]
    return names


def hundredths(us: NDArray[np.int64], unit: NDArray[np.int64] | int) -> NDArray[np.int64]:
    """`us / unit` in hundredths, rounded half to even, exactly: no float comes near the figures."""
    whole, rest = np.divmod(us * 100, unit)
    up = (rest * 2 > unit) | ((rest * 2 == unit) & (whole % 2 == 1))
    return np.asarray(whole + up, np.int64)


def _frame(store_ids: list[str], rows: dict[str, NDArray[Any]], full: bool) -> pd.DataFrame:
    """The rows as they are written: rounded, NaN where a figure is empty."""
    known = rows["known"]
    columns: dict[str, Any] = {"store_id": store_ids}
    for window, unit, _ in _WINDOWS:
        up, opened = rows[f"up_{window}"], rows[f"open_{window}"]
        columns[f"uptime_last_{window}"] = np.where(known, _rounded(up, unit), np.nan)
        columns[f"downtime_last_{window}"] = np.where(known, _rounded(opened - up, unit), np.nan)
        if full:
            observed, surely_up = rows[f"observed_{window}"], rows[f"up_observed_{window}"]
            some = np.where(opened == 0, 1, opened)
            columns[f"coverage_last_{window}"] = np.where(
                opened == 0, np.nan, _rounded(observed, some)
            )
            columns[f"uptime_low_last_{window}"] = _rounded(surely_up, unit)
            columns[f"uptime_high_last_{window}"] = _rounded(surely_up + opened - observed, unit)
    return pd.DataFrame(columns)[["store_id", *(heading.name for heading in headings(full))]]


def _rounded(us: NDArray[np.int64], unit: NDArray[np.int64] | int) -> NDArray[np.float64]:
    return hundredths(us, unit) / 100


async def pages(engine: AsyncEngine, report: int, full: bool) -> AsyncIterator[pd.DataFrame]:
    """The rows of a report, sorted by store_id bytewise."""
    after = ""
    async with engine.connect() as connection:
        raw = await raw_connection(connection)
        while True:
            stores = await raw.fetch(
                "SELECT s.id, s.store_id FROM report_rows r JOIN stores s ON s.id = r.store"
                " WHERE r.report = $1 AND s.store_id > $2 ORDER BY s.store_id LIMIT $3",
                report,
                after,
                _PAGE,
            )
            if not stores:
                return
            ids = np.array([store["id"] for store in stores])
            rows = await bulk.copy_out(
                raw,
                f"SELECT {', '.join(_TYPES)} FROM report_rows"  # noqa: S608  fixed names
                " WHERE report = $1 AND store = ANY($2::int4[])",
                _TYPES,
                report,
                ids.tolist(),
            )
            order = np.argsort(rows["store"])[np.argsort(np.argsort(ids))]
            after = stores[-1]["store_id"]
            yield _frame(
                [store["store_id"] for store in stores],
                {name: values[order] for name, values in rows.items()},
                full,
            )


def _titles(full: bool) -> list[str]:
    return ["store_id", *(heading.title for heading in headings(full))]


async def csv(engine: AsyncEngine, report: int, full: bool) -> AsyncIterator[bytes]:
    """The report as CSV, UTF-8, lines ended by LF; the header of SPEC 5."""
    yield ",".join(_titles(full)).encode() + b"\n"
    async for frame in pages(engine, report, full):
        # A third of the time of pandas' own `to_csv`.
        texts = (
            ["" if value != value else f"{value:.2f}" for value in frame[name].tolist()]  # noqa: PLR0124
            for name in frame.columns[1:]
        )
        out = io.StringIO()
        csv_writer(out, lineterminator="\n").writerows(zip(frame["store_id"], *texts, strict=True))
        yield out.getvalue().encode()


async def json_rows(
    engine: AsyncEngine, report: int, full: bool, metadata: dict[str, Any]
) -> AsyncIterator[bytes]:
    """The report's metadata with its rows: `{…, "rows": [{"store_id": …, …}]}`."""
    yield json.dumps(metadata)[:-1].encode() + b', "rows": ['
    separator = ""
    async for frame in pages(engine, report, full):
        yield (separator + frame.to_json(orient="records", double_precision=2)[1:-1]).encode()
        separator = ","
    yield b"]}\n"


async def parquet(engine: AsyncEngine, report: int, full: bool) -> bytes:
    """The report as a Parquet file with the CSV's columns."""
    figures = [pa.field(title, pa.float64()) for title in _titles(full)[1:]]
    schema = pa.schema([pa.field("store_id", pa.string()), *figures])
    out = io.BytesIO()
    with pyarrow.parquet.ParquetWriter(out, schema) as writer:
        async for frame in pages(engine, report, full):
            named = frame.set_axis(schema.names, axis="columns")
            writer.write_table(pa.Table.from_pandas(named, schema, preserve_index=False))
    return out.getvalue()
