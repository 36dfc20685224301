"""Reading reports and their rows, for the API, the commands and the pages."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from openhours.api.pagination import Page, fetch_page
from openhours.errors import NotFound
from openhours.reports.rows import FIGURE_COLUMNS
from openhours.reports.tables import Report, ReportRow
from openhours.stores.tables import Store
from openhours.uptime.axis import Int64

_COLUMNS = tuple(Report.__table__.columns)
_ROW_COLUMNS = ("store", "known", *FIGURE_COLUMNS)


class RowStore(NamedTuple):
    """A store that has a row in a report: its database id and its own id."""

    id: int
    store_id: str


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


async def row_stores(engine: AsyncEngine, report_pk: int) -> Sequence[RowStore]:
    """Return the stores that have a row in the report, sorted by store_id bytewise."""
    query = (
        select(Store.id, Store.store_id)
        .join(ReportRow, ReportRow.store == Store.id)
        .where(ReportRow.report == report_pk)
        .order_by(Store.store_id)
    )
    async with engine.connect() as connection:
        return [RowStore(*row) for row in await connection.execute(query)]


async def read_rows(
    engine: AsyncEngine, report_pk: int, store_pks: Int64
) -> dict[str, NDArray[Any]]:
    """Return `known` and FIGURE_COLUMNS of some stores, in the order of `store_pks`.

    Fewer rows than stores mean that the report was removed.
    """
    table = ReportRow.__table__.c
    query = (
        select(*(table[name] for name in _ROW_COLUMNS))
        .where(ReportRow.report == report_pk, ReportRow.store == func.any(store_pks.tolist()))
        .order_by(ReportRow.store)
    )
    async with engine.connect() as connection:
        found = (await connection.execute(query)).all()
    values = np.array([tuple(row) for row in found], np.int64).reshape(-1, len(_ROW_COLUMNS))
    if len(values) == len(store_pks):
        values = values[np.searchsorted(values[:, 0], store_pks)]
    return dict(zip(_ROW_COLUMNS[1:], values.T[1:], strict=True))
