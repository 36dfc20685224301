"""The rows and outages of a complete report, read a page at a time."""

from collections.abc import AsyncIterator
from functools import cache

import numpy as np
import pandas as pd
from anyio import CapacityLimiter
from sqlalchemy.ext.asyncio import AsyncEngine

from openhours.api.off_loop import off_loop
from openhours.errors import NotFound
from openhours.reports.layouts import Layout, Rows, rows_in
from openhours.reports.outages import OUTAGE_HEADINGS, outages_frame
from openhours.reports.queries import outage_stores, read_outages, read_rows, row_stores
from openhours.reports.rows import row_types
from openhours.reports.tables import Report
from openhours.reports.tabular import Table

# How many stores' sums are written at once, times their windows; it is not more stores than this.
_WINDOWS_A_PAGE = 6_000
_STORES_A_PAGE = 2_000
_OUTAGES_A_PAGE = 5_000


def file_name(report: Report) -> str:
    """Return how the names of a report's files begin."""
    as_of = report.as_of_polled or report.as_of_beating
    return f"report-{as_of:%Y%m%dT%H%M%SZ}-{report.report_id[:8]}"


def report_table(engine: AsyncEngine, report: Report, layout: Layout, full: bool) -> Table:
    """Return the rows of a report, sorted by store_id bytewise.

    `full` adds the confidence columns.
    """
    rows = rows_in(layout, report, full)
    count = (report.row_count or 0) * (len(report.windows) if layout == "long" else 1)
    return Table(rows.headings, count, _pages(engine, report, rows))


async def _pages(engine: AsyncEngine, report: Report, rows: Rows) -> AsyncIterator[pd.DataFrame]:
    """Yield the rows of a report.

    They are read in pages, so that downloads take turns; and no connection is held while a page is
    on its way to a slow client. Raise NotFound if the report is removed meanwhile.
    """
    async with two_at_a_time():
        store_pks, store_ids = await row_stores(engine, report)
    if len(store_ids) != report.row_count:
        raise removed()
    types = row_types(report)
    if rows.reads is not None:
        types = {name: of for name, of in types.items() if name in rows.reads}
    size = stores_a_page(len(report.windows))
    for start in range(0, len(store_ids), size):
        page = slice(start, start + size)
        async with two_at_a_time():
            columns = await read_rows(engine, report, store_pks[page], types)
        if len(columns["known"]) < len(store_ids[page]):
            raise removed()
        yield await off_loop(rows.frame, store_ids[page], columns)


def outage_table(engine: AsyncEngine, report: Report) -> Table:
    """Return the outages of a report, sorted by store_id bytewise and by when they began."""
    return Table(OUTAGE_HEADINGS, report.outage_count or 0, _outage_pages(engine, report))


async def _outage_pages(engine: AsyncEngine, report: Report) -> AsyncIterator[pd.DataFrame]:
    """Yield the outages as `_pages` yields rows."""
    async with two_at_a_time():
        store_pks, store_ids, counts = await outage_stores(engine, report.id)
    if counts.sum() != report.outage_count:
        raise removed()
    # A store's outages are never divided.
    number = np.cumsum(counts) // _OUTAGES_A_PAGE
    for page in np.split(np.arange(len(counts)), np.flatnonzero(np.diff(number)) + 1):
        async with two_at_a_time():
            columns = await read_outages(engine, report, store_pks[page])
        if len(columns["store"]) < counts[page].sum():
            raise removed()
        names = store_ids[page[0] : page[-1] + 1] if len(page) else []
        yield await off_loop(outages_frame, store_pks[page], names, columns)


def stores_a_page(windows: int) -> int:
    """Return how many stores are read and written at once, of a report with so many windows."""
    return max(1, min(_STORES_A_PAGE, _WINDOWS_A_PAGE // windows))


@cache
def two_at_a_time() -> CapacityLimiter:
    """Return the limiter of all who read rows: more would take connections from other requests."""
    return CapacityLimiter(2)


def removed() -> NotFound:
    """Return the error for a report of which nothing more can be read."""
    return NotFound("the report was removed")
