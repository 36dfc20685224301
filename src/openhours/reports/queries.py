"""Reading reports and their rows, for the API, the commands and the pages."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from openhours.api.pagination import Page, fetch_page
from openhours.db.engine import raw_connection
from openhours.errors import NotFound
from openhours.reports.rows import FIGURE_COLUMNS
from openhours.reports.tables import Report, ReportRow
from openhours.stores.tables import Store
from openhours.uptime.axis import Int64

_COLUMNS = tuple(Report.__table__.columns)
_ROW_COLUMNS = ("store", "known", *FIGURE_COLUMNS)


async def find_report(engine: AsyncEngine, report_id: str) -> Report:
    """Return the report; raise NotFound."""
    query = select(*_COLUMNS).where(Report.report_id == report_id)
    async with engine.connect() as connection:
        row = (await connection.execute(query)).one_or_none()
    if row is None:
        raise NotFound("no report has this id")
    return Report(**row._mapping)


async def list_reports(
    connection: AsyncConnection, *, limit: int, cursor: str | None = None
) -> Page[Report]:
    """Return reports, newest first."""
    columns = Report.__table__.c
    page = await fetch_page(
        connection,
        select(*_COLUMNS),
        [columns.created_at, columns.id],
        limit=limit,
        cursor=cursor,
        descending=True,
    )
    return Page([Report(**row._mapping) for row in page.rows], page.next_cursor)


async def row_stores(engine: AsyncEngine, report_pk: int) -> tuple[Int64, list[str]]:
    """Return the database ids and the store_ids of a report's rows, by store_id bytewise."""
    query = (
        select(Store.id, Store.store_id)
        .join(ReportRow, ReportRow.store == Store.id)
        .where(ReportRow.report == report_pk)
        .order_by(Store.store_id)
    )
    async with engine.connect() as connection:
        # As plain tuples: thousands of SQLAlchemy's rows would keep the garbage collector busy.
        rows = [(row.id, row.store_id) for row in await connection.execute(query)]
    return np.array([pk for pk, _ in rows], np.int64), [store_id for _, store_id in rows]


async def read_rows(
    engine: AsyncEngine, report_pk: int, store_pks: Int64
) -> dict[str, NDArray[Any]]:
    """Return `known` and FIGURE_COLUMNS of some stores, in the order of `store_pks`.

    Fewer rows than stores mean that the report was removed.
    """
    query = (
        f"SELECT {', '.join(_ROW_COLUMNS)} FROM report_rows"  # noqa: S608  fixed names
        " WHERE report = $1 AND store = ANY($2::int4[]) ORDER BY store"
    )
    async with engine.connect() as connection:
        # Raw, as a batch for NumPy: SQLAlchemy's rows would cost half as much again.
        raw = await raw_connection(connection)
        found = await raw.fetch(query, report_pk, store_pks.tolist())
    values = np.array([tuple(row) for row in found], np.int64).reshape(-1, len(_ROW_COLUMNS))
    if len(values) == len(store_pks):
        values = values[np.searchsorted(values[:, 0], store_pks)]
    return dict(zip(_ROW_COLUMNS[1:], values.T[1:], strict=True))
