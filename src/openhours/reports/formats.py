"""A complete report as CSV, JSON or Parquet, made from its rows a page at a time."""

import io
import json
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
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


@dataclass(frozen=True)
class Page:
    """Some rows: ids, and each figure in hundredths with a mask of those that are empty."""

    store_ids: list[str]
    figures: list[tuple[NDArray[np.int64], NDArray[np.bool_]]]


def hundredths(us: NDArray[np.int64], unit: NDArray[np.int64] | int) -> NDArray[np.int64]:
    """`us / unit` in hundredths, rounded half to even, exactly: no float comes near the figures."""
    whole, rest = np.divmod(us * 100, unit)
    up = (rest * 2 > unit) | ((rest * 2 == unit) & (whole % 2 == 1))
    return np.asarray(whole + up, np.int64)


def _page(store_ids: list[str], rows: dict[str, NDArray[Any]], full: bool) -> Page:
    unknown = ~rows["known"]
    up = [hundredths(rows[f"up_{w}"], unit) for w, unit, _ in _WINDOWS]
    down = [hundredths(rows[f"open_{w}"] - rows[f"up_{w}"], unit) for w, unit, _ in _WINDOWS]
    figures = [(values, unknown) for values in up + down]
    if full:
        always = np.zeros(len(store_ids), np.bool_)
        for window, _, _ in _WINDOWS:
            opened, observed = rows[f"open_{window}"], rows[f"observed_{window}"]
            closed = opened == 0
            figures.append((hundredths(observed, np.where(closed, 1, opened)), closed))
        for window, unit, _ in _WINDOWS:
            figures.append((hundredths(rows[f"up_observed_{window}"], unit), always))
        for window, unit, _ in _WINDOWS:
            unobserved = rows[f"open_{window}"] - rows[f"observed_{window}"]
            high = hundredths(rows[f"up_observed_{window}"] + unobserved, unit)
            figures.append((high, always))
    return Page(store_ids, figures)


async def pages(engine: AsyncEngine, report: int, full: bool) -> AsyncIterator[Page]:
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
            yield _page(
                [store["store_id"] for store in stores],
                {name: values[order] for name, values in rows.items()},
                full,
            )


def _table(page: Page, columns: Sequence[Heading]) -> pa.Table:
    arrays = [pa.array(page.store_ids, pa.string())]
    for values, empty in page.figures:
        arrays.append(_decimals(values, empty))
    return pa.table(arrays, names=["store_id", *(heading.title for heading in columns)])


def _decimals(values: NDArray[np.int64], empty: NDArray[np.bool_]) -> pa.Array:
    """Hundredths as decimals with two places: 16 bytes each, the upper half is the sign."""
    wide = np.stack([values, values >> 63], axis=1)
    exact = pa.Array.from_buffers(
        pa.decimal128(18, 2), len(values), [None, pa.py_buffer(wide.tobytes())]
    )
    return pc.if_else(pa.array(~empty), exact, pa.scalar(None, exact.type))


def _csv_lines(page: Page) -> bytes:
    # pyarrow's own writer would quote every id.
    ids = pa.array(page.store_ids, pa.string())
    quoted = pc.binary_join_element_wise('"', pc.replace_substring(ids, '"', '""'), '"', "")
    ids = pc.if_else(pc.match_substring_regex(ids, '[",\r\n]'), quoted, ids)
    figures = [pc.cast(_decimals(*figure), pa.string()) for figure in page.figures]
    lines = pc.binary_join_element_wise(
        ids, *figures, ",", null_handling="replace", null_replacement=""
    )
    return ("\n".join(lines.to_pylist()) + "\n").encode()


async def csv(engine: AsyncEngine, report: int, full: bool) -> AsyncIterator[bytes]:
    """The report as CSV, UTF-8, lines ended by LF; the header of SPEC 5."""
    columns = headings(full)
    yield ",".join(["store_id", *(heading.title for heading in columns)]).encode() + b"\n"
    async for page in pages(engine, report, full):
        yield _csv_lines(page)


async def json_rows(
    engine: AsyncEngine, report: int, full: bool, metadata: dict[str, Any]
) -> AsyncIterator[bytes]:
    """The report's metadata with its rows: `{…, "rows": [{"store_id": …, …}]}`."""
    names = ["store_id", *(heading.name for heading in headings(full))]
    yield json.dumps(metadata)[:-1].encode() + b', "rows": ['
    separator = ""
    async for page in pages(engine, report, full):
        columns = [
            [None if gone else value / 100 for value, gone in zip(values, empty, strict=True)]
            for values, empty in ((v.tolist(), e.tolist()) for v, e in page.figures)
        ]
        lines = [
            json.dumps(dict(zip(names, row, strict=True)))
            for row in zip(page.store_ids, *columns, strict=True)
        ]
        yield (separator + ",\n".join(lines)).encode()
        separator = ",\n"
    yield b"]}\n"


async def parquet(engine: AsyncEngine, report: int, full: bool) -> bytes:
    """The report as a Parquet file, with the CSV's columns; figures are decimals."""
    columns = headings(full)
    empty = Page([], [(np.empty(0, np.int64), np.empty(0, np.bool_)) for _ in columns])
    out = io.BytesIO()
    with pyarrow.parquet.ParquetWriter(out, _table(empty, columns).schema) as writer:
        async for page in pages(engine, report, full):
            writer.write_table(_table(page, columns))
    return out.getvalue()
