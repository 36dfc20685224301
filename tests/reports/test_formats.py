"""Tables as CSV: what Python's own writer and formatter make of the same cells."""

import asyncio
import csv as csv_module
import io
from collections.abc import AsyncIterator, Sequence
from decimal import Decimal
from typing import TypeAlias

import numpy as np
import pandas as pd
from hypothesis import given
from hypothesis import strategies as st

from openhours.reports.formats import csv
from openhours.reports.tabular import STORE_ID, Heading, Table, figure, instants

# The cells of `_HEADINGS`; a figure in hundredths, an instant in µs.
Row: TypeAlias = tuple[str, int | None, int | None, bool, int | None, str]

_HEADINGS = (
    STORE_ID,
    figure("uptime", "in hours"),
    Heading("outages", "outages", "count"),
    Heading("ongoing", "ongoing", "flag"),
    Heading("began, at", "began, at", "instant"),
    Heading("note", "note", "text"),
)
_TEXTS = st.text(st.characters(codec="utf-8", exclude_characters="\r"))
_HUNDREDTHS = st.none() | st.integers(-(10**6), 10**12)
_INSTANTS = st.none() | st.integers(0, 4 * 10**15)
_ROWS = st.lists(
    st.tuples(
        _TEXTS, _HUNDREDTHS, st.none() | st.integers(0, 10**6), st.booleans(), _INSTANTS, _TEXTS
    )
)


def _page(rows: Sequence[Row]) -> pd.DataFrame:
    ids, hundredths, counts, flags, at, notes = zip(*rows, strict=True) if rows else [[]] * 6
    known = np.array([one is not None for one in at], np.bool_)
    figures = [np.nan if one is None else one / 100 for one in hundredths]
    return pd.DataFrame(
        {
            "store_id": np.array(ids, object),
            "uptime": np.array(figures, np.float64),
            "outages": np.array([np.nan if one is None else one for one in counts], np.float64),
            "ongoing": np.array(flags, np.bool_),
            "began, at": instants(np.array([one or 0 for one in at], np.int64), known),
            "note": np.array(notes, object),
        }
    )


def _written(*pages: pd.DataFrame) -> str:
    async def each() -> AsyncIterator[pd.DataFrame]:
        for page in pages:
            yield page

    async def whole() -> bytes:
        table = Table(_HEADINGS, sum(map(len, pages)), each())
        return b"".join([part async for part in csv(table)])

    return asyncio.run(whole()).decode()


def _by_python(rows: Sequence[Row]) -> str:
    out = io.StringIO()
    writer = csv_module.writer(out, lineterminator="\n")
    writer.writerow([heading.title for heading in _HEADINGS])
    for store_id, hundredths, count, flag, at, note in rows:
        began = (
            "" if at is None else f"{pd.Timestamp(at, unit='us').isoformat('T', 'microseconds')}Z"
        )
        writer.writerow(
            [
                store_id,
                "" if hundredths is None else f"{Decimal(hundredths) / 100:.2f}",
                "" if count is None else count,
                "true" if flag else "false",
                began,
                note,
            ]
        )
    return out.getvalue()


@given(_ROWS, st.integers(0, 5))
def test_a_table_is_written_as_pythons_csv_writer_writes_it(rows: list[Row], at: int) -> None:
    assert _written(_page(rows[:at]), _page(rows[at:])) == _by_python(rows)


def test_a_carriage_return_stays_in_its_cell() -> None:
    row: Row = ("a\rb", 100, 1, True, None, "\r")
    (_, cells) = csv_module.reader(io.StringIO(_written(_page([row])), newline=""))
    assert cells[0] == "a\rb"
    assert cells[-1] == "\r"


def test_a_page_without_rows_adds_nothing() -> None:
    assert _written(_page([])) == _by_python([])
