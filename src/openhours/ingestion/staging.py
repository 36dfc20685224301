"""Rows of a file on their way into the catalogue, in a temporary table.

Memory holds a block of the file, however large it is; the rest is SQL over `file_rows`:

    line, store_id, raw, and the columns of the kind: day, opens, closes; zone; ...
"""

from collections.abc import Collection, Mapping, Sequence
from datetime import date
from typing import Any

import asyncpg
import numpy as np
from numpy.typing import NDArray

from openhours.api.csv_cells import FORMULA_STARTS
from openhours.db import bulk
from openhours.ingestion.csv.reasons import Reason
from openhours.ingestion.names import printable
from openhours.ingestion.rejects import MAX_RAW_BYTES, RejectWriter
from openhours.stores.write import FILE_ROWS
from openhours.times import from_days
from openhours.uptime.dates import ALWAYS


class Staging:
    """Good rows of one file, until the transaction ends; the loader of the kind reads them there.

    columns: names and SQL types of the kind's own columns
    """

    def __init__(self, connection: "asyncpg.Connection[Any]", columns: Mapping[str, str]) -> None:
        self._connection = connection
        self._columns = columns
        self._has_bad_stores = False

    async def create(self) -> None:
        """Create the tables."""
        own = "".join(f", {name} {sql_type}" for name, sql_type in self._columns.items())
        await self._connection.execute(
            f"CREATE TEMP TABLE {FILE_ROWS}"
            f' (line int8, store_id text COLLATE "C", raw bytea{own}) ON COMMIT DROP;'
            ' CREATE TEMP TABLE bad_stores (store_id text COLLATE "C") ON COMMIT DROP'
        )

    async def add(
        self,
        store_ids: Sequence[str],
        store: NDArray[np.integer[Any]],
        line: NDArray[np.int64],
        values: Mapping[str, Sequence[Any]],
        raw: Sequence[bytes] | None = None,
    ) -> None:
        """Add rows: positions in `store_ids`, lines, a sequence for each of the kind's columns.

        raw: the rows as they are written, if `reject_bad_stores` will be asked for
        """
        columns = {
            "line": line.tolist(),
            "store_id": [store_ids[position] for position in store.tolist()],
            **({} if raw is None else {"raw": [row[:MAX_RAW_BYTES] for row in raw]}),
            **values,
        }
        records = zip(*columns.values(), strict=True)
        await bulk.copy_records_in(self._connection, FILE_ROWS, list(columns), records)

    async def note_bad_stores(self, store_ids: Collection[str]) -> None:
        """Note stores that rejected rows name."""
        if store_ids:
            self._has_bad_stores = True
            records = zip(store_ids, strict=True)
            await bulk.copy_records_in(self._connection, "bad_stores", ["store_id"], records)

    async def reject_bad_stores(self, rejects: RejectWriter) -> None:
        """Reject all rows of the stores that rejected rows name, for `store_has_bad_rows`."""
        if self._has_bad_stores:
            await rejects.take(
                Reason.STORE_HAS_BAD_ROWS,
                f"DELETE FROM {FILE_ROWS} WHERE store_id IN (SELECT store_id FROM bad_stores)"  # noqa: S608
                " RETURNING line, raw",
            )

    async def formula_warning(self, words: str = "store_id", noun: str = "store id") -> str | None:
        """Return the warning about ids that spreadsheets would take for formulas, if there are.

        words: SQL for other texts of the rows than their ids; `noun` says what these are
        """
        count, one = await self._connection.fetchrow(
            f"SELECT count(DISTINCT word), min(word) FROM (SELECT {words} AS word FROM {FILE_ROWS})"  # noqa: S608
            " AS words WHERE left(word, 1) = ANY($1)",
            FORMULA_STARTS,
        )
        return formula_warning(count, one, noun)


def dates(days: NDArray[np.int64]) -> list[date]:
    """Return dates from days since 1970-01-01; ALWAYS becomes `date.min`, which is -infinity."""
    distinct, of = np.unique(days, return_inverse=True)
    known = [date.min if day == ALWAYS else from_days(day) for day in distinct.tolist()]
    return [known[position] for position in of.tolist()]


def formula_warning(count: int, one: str | None, noun: str = "store id") -> str | None:
    """Return the warning about so many texts that begin as formulas do, `one` of them."""
    if not count or one is None:
        return None
    subject = (
        f"1 {noun} begins as a formula does"
        if count == 1
        else (f"{count:,} {noun}s begin as formulas do, one of them is")
    )
    return (
        f"{subject}: {printable(one)} (=, +, -, @, a tab or a carriage return). "
        "Do not open reports in a spreadsheet unless you trust who named it"
    )
