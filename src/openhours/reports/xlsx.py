"""Tables as workbooks for spreadsheets, of one sheet, written row by row."""

import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import IO, Any

import pandas as pd
import xlsxwriter
from anyio import to_thread

from openhours.api.off_loop import off_loop
from openhours.errors import invalid
from openhours.reports.tabular import Heading, Table, texts

# With its header a sheet has one more.
MAX_ROWS = 1_048_575
_ROWS_AT_ONCE = 250  # some ten milliseconds
_WIDTH = 22  # characters: those of an id of 19 digits fit
# Whatever writes here is done by then, or was killed.
_LEFT_AFTER = 86_400  # seconds
_PREFIX = "xlsx-"


async def xlsx(table: Table, folder: Path) -> IO[bytes]:
    """Return a table as a workbook with the CSV's columns, unnamed, in `folder`.

    Ids are text, figures numbers. Raise Invalid if there are more rows than a sheet holds.
    """
    if table.rows > MAX_ROWS:
        raise invalid(
            f"{table.rows:,} rows do not fit into a sheet, which holds {MAX_ROWS:,}: use csv,"
            " json or parquet"
        )
    file = tempfile.TemporaryFile(dir=folder)  # noqa: SIM115  the caller's
    with _place(folder) as place:
        sheet = _Sheet(file, place, table)
        async for page in table.pages:
            for start in range(0, len(page), _ROWS_AT_ONCE):
                await off_loop(sheet.write, page[start : start + _ROWS_AT_ONCE])
        # Half of a minute for a full sheet, most of it without the interpreter's lock.
        await to_thread.run_sync(sheet.close)
    return file


@contextmanager
def _place(folder: Path) -> Iterator[Path]:
    """Yield a new folder, and remove those that were left by processes that were killed."""
    for left in folder.glob(f"{_PREFIX}*"):
        if time.time() - left.stat().st_mtime > _LEFT_AFTER:
            shutil.rmtree(left, ignore_errors=True)
    with tempfile.TemporaryDirectory(dir=folder, prefix=_PREFIX) as place:
        yield Path(place)


class _Sheet:
    """A workbook that is being written; what is done of it lies in `place`."""

    def __init__(self, file: IO[bytes], place: Path, table: Table) -> None:
        self._book = xlsxwriter.Workbook(file, {"constant_memory": True, "tmpdir": str(place)})
        # Else the present time: the same report would not have the same bytes.
        self._book.set_properties({"created": datetime(2000, 1, 1)})  # noqa: DTZ001
        self._sheet = self._book.add_worksheet("report")
        self._sheet.freeze_panes(1, 0)
        self._sheet.set_column(0, len(table.headings) - 1, _WIDTH)
        decimals = self._book.add_format({"num_format": "0.00"})
        self._number_formats = [
            decimals if heading.kind == "figure" else None for heading in table.headings
        ]
        bold = self._book.add_format({"bold": True})
        self._headings = table.headings
        for n, heading in enumerate(table.headings):
            self._sheet.write_string(0, n, heading.title, bold)
        self._next = 1

    def write(self, page: pd.DataFrame) -> None:
        """Append the rows of a page."""
        columns = [_values(page, heading) for heading in self._headings]
        for row, values in enumerate(zip(*columns, strict=True), self._next):
            for column, value in enumerate(values):
                if value == "" or value != value:  # noqa: PLR0124  NaN
                    continue
                if isinstance(value, str):
                    self._write_text(row, column, value)
                elif isinstance(value, bool):
                    self._sheet.write_boolean(row, column, value)
                else:
                    self._sheet.write_number(row, column, value, self._number_formats[column])
        self._next += len(page)

    def _write_text(self, row: int, column: int, text: str) -> None:
        if text.startswith("<r>") and text.endswith("</r>"):
            # xlsxwriter would take it for markup of its own.
            self._sheet.write_rich_string(row, column, *text[:2], text[2:])
        else:
            self._sheet.write_string(row, column, text)

    def close(self) -> None:
        """Put the workbook together."""
        self._book.close()


def _values(page: pd.DataFrame, heading: Heading) -> list[Any]:
    column = texts(page, heading) if heading.kind in ("text", "instant") else page[heading.name]
    values: list[Any] = column.tolist()
    return values
