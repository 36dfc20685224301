"""Tables: what is downloaded of a report, in whatever format."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np
import pandas as pd
import pyarrow as pa
from numpy.typing import NDArray

from openhours.uptime.axis import Bool, Int64

# What a column holds. Figures are rounded to two decimals; they and counts are NaN where they are
# empty, instants NaT, texts missing.
Kind = Literal["text", "instant", "figure", "count", "flag"]
_WRITTEN_AS: dict[Kind, pa.DataType] = {
    "text": pa.string(),
    "count": pa.int64(),
    "flag": pa.bool_(),
}


class Heading(NamedTuple):
    """The names of a column: in JSON, and in a CSV's header, where a figure has its unit."""

    name: str
    title: str
    kind: Kind


def figure(name: str, unit: str | None) -> Heading:
    """Return the heading of a figure."""
    return Heading(name, name if unit is None else f"{name}({unit})", "figure")


STORE_ID = Heading("store_id", "store_id", "text")


@dataclass(frozen=True)
class Table:
    """Columns, and pages of rows, whose frames have these columns by their names.

    `rows` is how many there are in all pages.
    """

    headings: Sequence[Heading]
    rows: int
    pages: AsyncIterator[pd.DataFrame]


def texts(page: pd.DataFrame, heading: Heading) -> pa.StringArray:
    """Return a column as text: instants in ISO 8601, "" where there is nothing."""
    if heading.kind == "instant":
        instants = page[heading.name].to_numpy("datetime64[us]")
        written = np.datetime_as_string(instants, timezone="UTC")
        return pa.array(np.where(np.isnat(instants), "", written), pa.string())
    column = page[heading.name].to_numpy()
    if heading.kind == "figure":
        known = ~np.isnan(column)
        cells = _decimals(np.rint(np.where(known, column, 0.0) * 100).astype(np.int64), known)
    else:
        cells = pa.array(column, _WRITTEN_AS[heading.kind], from_pandas=True)
    return cells.cast(pa.string()).fill_null("")


def _decimals(hundredths: Int64, known: Bool) -> pa.Decimal128Array:
    """Return hundredths as numbers with two decimals, null where they are not `known`."""
    # Arrow makes decimals of Python's, one by one, or of these: 128 bits, the lower half first.
    halves = np.stack((hundredths, hundredths >> 63), axis=1)
    valid = pa.array(known).buffers()[1]
    return pa.Array.from_buffers(
        pa.decimal128(18, 2), len(hundredths), [valid, pa.py_buffer(halves)]
    )


def hundredths(us: Int64, unit: Int64 | int) -> Int64:
    """Return us / unit in hundredths, rounded half to even, exactly: without any float."""
    whole = us * 100 // unit  # not `divmod`: Python's integers have none in NumPy
    rest = us * 100 - whole * unit
    up = (rest * 2 > unit) | ((rest * 2 == unit) & (whole % 2 == 1))
    return np.asarray(whole + up, np.int64)


def rounded(us: Int64, unit: Int64 | int) -> NDArray[np.float64]:
    """Return us / unit as a figure."""
    return hundredths(us, unit) / 100


def instants(us: Int64, is_one: Bool | bool = True) -> pd.DatetimeIndex:
    """Return µs since 1970 as instants, NaT where it `is_one` not."""
    at = np.where(is_one, us, 0).astype("datetime64[us]")
    return pd.DatetimeIndex(np.where(is_one, at, np.datetime64("NaT"))).tz_localize("UTC")
