"""The list of stores as a file: as filtered and in its order, with the figures of each window."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sqlalchemy import Row, Select, func, select
from sqlalchemy.ext.asyncio import AsyncEngine

from openhours.api.csv_cells import inert_cell
from openhours.api.off_loop import off_loop
from openhours.reports.downloads import removed, two_at_a_time
from openhours.reports.tables import Report, ReportRow
from openhours.reports.tabular import STORE_ID, Heading, Table, figure, rounded
from openhours.stores.tables import BEATING, Label, Store
from openhours.times import HOUR, MINUTE
from openhours.uptime.axis import Bool, Int64
from openhours.uptime.intervals.verdicts import NAMES, NO_VERDICT
from openhours.web.store_figures import Search, matching, of_stores
from openhours.web.windows import PageWindow

_AT_ONCE = 500
_FIGURES = ("open", "uptime", "downtime")


@dataclass(frozen=True)
class StoreExport:
    """Stores in a file: with their labels of these keys, and their figures in these windows."""

    report: Report | None
    search: Search
    windows: Sequence[PageWindow]
    keys: Sequence[str]
    form: Literal["csv", "xlsx"]

    def table(self, engine: AsyncEngine, total: int) -> Table:
        """Return the stores as a table; `total` is how many there are."""
        return Table(self._headings(), total, self._pages(engine))

    def _headings(self) -> list[Heading]:
        first = [STORE_ID, *(Heading(name, name, "text") for name in ("type", "time_zone"))]
        figures = self._figure_headings()
        titles = {heading.title for heading in (*first, *figures)}
        labels = []
        for key in self.keys:
            title = self._inert(key)
            while title in titles:
                title = f"label {title}"
            titles.add(title)
            labels.append(Heading(_label(key), title, "text"))
        return [*first, *labels, *figures]

    def _figure_headings(self) -> list[Heading]:
        headings = []
        for window in self.windows:
            unit = "in minutes" if window.is_short else "in hours"
            headings += [figure(f"{of}_{window.column}", unit) for of in _FIGURES]
            title = f"uptime_{window.column}(in percent)"
            headings.append(Heading(f"share_{window.column}", title, "figure"))
            if self._has_verdicts:
                name = f"verdict_{window.column}"
                headings.append(Heading(name, name, "text"))
        return headings

    @property
    def _has_verdicts(self) -> bool:
        return self.report is not None and self.report.verdicts

    async def _pages(self, engine: AsyncEngine) -> AsyncIterator[pd.DataFrame]:
        """Yield the stores in their order.

        No connection is held while a page is on its way to a slow client. Raise NotFound if the
        report is removed meanwhile.
        """
        store_pks: list[int] = []
        in_report: list[bool] = []
        async with two_at_a_time(), engine.connect() as connection:
            query = matching(self.report, self.search, [Store.id, ReportRow.store])
            result = await connection.stream(query)
            async for found in result.partitions(_AT_ONCE):
                store_pks += [row[0] for row in found]
                in_report += [row[1] is not None for row in found]
        for start in range(0, len(store_pks), _AT_ONCE):
            page = slice(start, start + _AT_ONCE)
            async with two_at_a_time(), engine.connect() as connection:
                rows = (await connection.execute(self._query(store_pks[page]))).all()
            if sum(row.known is not None for row in rows) < sum(in_report[page]):
                raise removed()
            by_pk = {row.id: row for row in rows}
            yield await off_loop(self._frame, [by_pk[pk] for pk in store_pks[page] if pk in by_pk])

    def _query(self, store_pks: Sequence[int]) -> Select[tuple[Any, ...]]:
        # Of all these stores at once, not by a subquery for each.
        every = func.jsonb_object_agg(Label.key, Label.value).label("labels")
        of_these = Label.store == func.any(list(store_pks))
        labels = select(Label.store, every).where(of_these).group_by(Label.store).subquery()
        columns: list[Any] = [
            Store.id,
            Store.store_id,
            Store.feed,
            Store.timezone,
            ReportRow.known,
            labels.c.labels,
        ]
        for n, window in enumerate(self.windows):
            figures = (ReportRow.open, ReportRow.up, ReportRow.verdict)
            columns += [of[window.position + 1].label(f"{of.key}_{n}") for of in figures]
        return of_stores(self.report, columns, store_pks).outerjoin(
            labels, labels.c.store == Store.id
        )

    def _frame(self, rows: Sequence[Row[Any]]) -> pd.DataFrame:
        columns: dict[str, Any] = {
            STORE_ID.name: [row.store_id for row in rows],
            "type": ["PC" if row.feed == BEATING else "store" for row in rows],
            "time_zone": [row.timezone or self.search.default_timezone for row in rows],
        }
        for key in self.keys:
            columns[_label(key)] = [self._inert((row.labels or {}).get(key, "")) for row in rows]
        known = np.array([bool(row.known) for row in rows], np.bool_)
        for n, window in enumerate(self.windows):
            opened, up = (
                np.array([row._mapping[f"{name}_{n}"] or 0 for row in rows], np.int64)
                for name in ("open", "up")
            )
            columns |= _figures(window, known, opened, up)
            if self._has_verdicts:
                columns[f"verdict_{window.column}"] = [
                    NAMES[row._mapping[f"verdict_{n}"] or NO_VERDICT] for row in rows
                ]
        return pd.DataFrame(columns)

    def _inert(self, text: str) -> str:
        """Return text as a cell of the file."""
        return inert_cell(text) if self.form == "csv" else text


def _label(key: str) -> str:
    """Return the name of a label's column, which is no other column's."""
    return f"label {key}"


def _figures(
    window: PageWindow, known: Bool, opened: Int64, up: Int64
) -> dict[str, NDArray[np.float64]]:
    unit = MINUTE if window.is_short else HOUR
    share = rounded(up * 100, np.where(opened == 0, 1, opened))
    figures = zip(_FIGURES, (opened, up, opened - up), strict=True)
    columns = {
        f"{name}_{window.column}": np.where(known, rounded(us, unit), np.nan)
        for name, us in figures
    }
    columns[f"share_{window.column}"] = np.where(known & (opened > 0), share, np.nan)
    return columns
