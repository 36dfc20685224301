"""Reading reports and their rows, for the API, the commands and the pages."""

from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import datetime
from typing import Any

import asyncpg
import numpy as np
from numpy.typing import NDArray
from sqlalchemy import (
    BigInteger,
    Boolean,
    ColumnElement,
    ColumnExpressionArgument,
    Integer,
    Row,
    Subquery,
    cast,
    func,
    select,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine
from sqlalchemy.types import TypeEngine

from openhours.api.pagination import Page, fetch_page
from openhours.db import bulk
from openhours.db.engine import Timestamp, raw_connection
from openhours.errors import Conflict, NotFound
from openhours.reports.rows import OUTAGE_TYPES, row_types
from openhours.reports.tables import Report, ReportOutages
from openhours.stores.search import STORE_NAME
from openhours.stores.tables import Store
from openhours.uptime.axis import Int64
from openhours.uptime.windows import DEFAULT_WINDOWS

_COLUMNS = tuple(Report.__table__.columns)
_LONG = ("by_hour", "tallies", "zones", "prior", "calibration", "inputs")
_LISTED = tuple(column for column in _COLUMNS if column.name not in _LONG)
_OUTAGE: dict[str, TypeEngine[Any]] = {
    "began_at": Timestamp,
    "ended_at": Timestamp,
    "downtime": BigInteger(),
    "observations": Integer(),
    "ongoing": Boolean(),
}
# How many stores are read in one turn of the event loop.
_AT_ONCE = 2_000
# From so many rows on stores are not looked up one by one.
_MANY = 1_000
_DEFAULT_WINDOWS = [list(window) for window in DEFAULT_WINDOWS]


async def find_report(engine: AsyncEngine, report_id: str) -> Report:
    """Return the report; raise NotFound."""
    query = select(*_COLUMNS).where(Report.report_id == report_id)
    async with engine.connect() as connection:
        row = (await connection.execute(query)).one_or_none()
    if row is None:
        raise NotFound("no report has this id")
    return Report(**row._mapping)


async def find_complete_report(engine: AsyncEngine, report_id: str) -> Report:
    """Return the report; raise NotFound, or Conflict if it is not complete."""
    report = await find_report(engine, report_id)
    if report.state == "failed":
        raise Conflict(f"the report failed: {report.error}")
    if report.state != "complete":
        raise Conflict(f"the report is {report.state}")
    return report


async def latest_report(
    connection: AsyncConnection,
    *which: ColumnExpressionArgument[bool],
    nearest: ColumnElement[Any] | None = None,
) -> Report | None:
    """Return the newest complete report of the default windows of all stores, `which` holds of.

    Of several the one with the least `nearest`, if that is given.
    """
    query = (
        select(*Report.__table__.columns)
        .where(
            Report.state == "complete",
            Report.stores.is_(None),
            Report.labels.is_(None),
            Report.windows == cast(_DEFAULT_WINDOWS, JSONB),
            *which,
        )
        .order_by(
            *(() if nearest is None else (nearest,)), Report.created_at.desc(), Report.id.desc()
        )
        .limit(1)
    )
    row = (await connection.execute(query)).one_or_none()
    return None if row is None else Report(**row._mapping)


def has_default_windows(report: Report) -> bool:
    """Return whether the report is of the last hour, day and week."""
    return report.windows == _DEFAULT_WINDOWS


async def list_reports(
    connection: AsyncConnection, *, limit: int, cursor: str | None = None
) -> Page[Row[Any]]:
    """Return reports, newest first; the rows have the columns of `Report` but for long ones."""
    columns = Report.__table__.c
    keys = [columns.created_at, columns.id]
    return await fetch_page(
        connection, select(*_LISTED), keys, limit=limit, cursor=cursor, descending=True
    )


async def list_outages(
    connection: AsyncConnection, report_pk: int, *, limit: int, cursor: str | None = None
) -> Page[Row[Any]]:
    """Return outages of a report, those with the most downtime first, with their stores."""
    outages = _outages(report_pk)
    query = select(Store.store_id, STORE_NAME, *outages.c).join_from(
        outages, Store, Store.id == outages.c.store
    )
    keys = [outages.c.downtime, outages.c.store, outages.c.began_at]
    return await fetch_page(connection, query, keys, limit=limit, cursor=cursor, descending=True)


async def count_ongoing(connection: AsyncConnection, report_pk: int) -> int:
    """Return how many outages of a report are ongoing."""
    query = select(func.count()).where(_outages(report_pk).c.ongoing)
    return (await connection.execute(query)).scalar_one()


async def count_outages_since(connection: AsyncConnection, report_pk: int, at: datetime) -> int:
    """Return how many outages of a report have not ended before an instant."""
    query = select(func.count()).where(_outages(report_pk).c.ended_at > at)
    return (await connection.execute(query)).scalar_one()


def _outages(report_pk: int) -> Subquery:
    """Return a row for each outage of a report."""
    columns = ReportOutages.__table__.c
    each = [func.unnest(columns[name], type_=of).label(name) for name, of in _OUTAGE.items()]
    return select(columns.store, *each).where(columns.report == report_pk).subquery()


async def row_stores(engine: AsyncEngine, report: Report) -> tuple[Int64, list[str]]:
    """Return the database ids and the store_ids of a report's rows, by store_id bytewise."""
    query = (
        "SELECT s.id, s.store_id FROM report_rows r JOIN stores s ON s.id = r.store"
        " WHERE r.report = $1 ORDER BY s.store_id"
    )
    # Of a report that was written just now PostgreSQL believes that it has a few rows.
    are_many = (report.row_count or 0) > _MANY
    return await _in_order(engine, query, report.id, are_many=are_many)


async def sorted_stores(engine: AsyncEngine, store_pks: Sequence[int]) -> tuple[Int64, list[str]]:
    """Return the database ids and the store_ids of these stores, by store_id bytewise."""
    query = "SELECT id, store_id FROM stores WHERE id = ANY($1::int4[]) ORDER BY store_id"
    return await _in_order(engine, query, store_pks)


async def _in_order(
    engine: AsyncEngine, query: str, of: object, *, are_many: bool = False
) -> tuple[Int64, list[str]]:
    store_pks: list[int] = []
    store_ids: list[str] = []
    async for rows in _batches(engine, query, of, are_many=are_many):
        store_pks += [row[0] for row in rows]
        store_ids += [row[1] for row in rows]
    return np.array(store_pks, np.int64), store_ids


async def outage_stores(engine: AsyncEngine, report_pk: int) -> tuple[Int64, list[str], Int64]:
    """Return the stores with outages in a report, as `row_stores` does, and how many each has."""
    query = (
        "SELECT s.id, s.store_id, cardinality(o.began_at) FROM report_outages o"
        " JOIN stores s ON s.id = o.store WHERE o.report = $1 ORDER BY s.store_id"
    )
    numbers: list[tuple[int, int]] = []
    store_ids: list[str] = []
    async for rows in _batches(engine, query, report_pk):
        numbers += [(row[0], row[2]) for row in rows]
        store_ids += [row[1] for row in rows]
    store_pks, counts = np.array(numbers, np.int64).reshape(-1, 2).T
    return store_pks, store_ids, counts


async def _batches(
    engine: AsyncEngine, query: str, of: object, *, are_many: bool = False
) -> AsyncIterator[list[asyncpg.Record]]:
    """Yield the rows; if there `are_many`, the stores are not looked up one by one."""
    async with engine.begin() as connection:
        # Raw, for SQLAlchemy would make all rows in one turn.
        raw = await raw_connection(connection)
        if are_many:
            await raw.execute("SET LOCAL enable_nestloop = off")
        cursor = await raw.cursor(query, of)
        while rows := await cursor.fetch(_AT_ONCE):
            yield rows


async def read_rows(
    engine: AsyncEngine,
    report: Report,
    store_pks: Int64,
    columns: Mapping[str, str] | None = None,
) -> dict[str, NDArray[Any]]:
    """Return columns of some stores, all of `rows.row_types` or those given, in `store_pks`' order.

    Fewer rows than stores mean that the report was removed.
    """
    types = {"store": "int4", **(columns or row_types(report))}
    query = (
        f"SELECT {', '.join(types)} FROM report_rows"  # noqa: S608  fixed names
        " WHERE report = $1 AND store = ANY($2::int4[]) ORDER BY store"
    )
    async with engine.connect() as connection:
        raw = await raw_connection(connection)
        rows = await bulk.copy_out(raw, query, types, report.id, store_pks.tolist())
    stores = rows.pop("store")
    if len(stores) < len(store_pks):
        return rows
    order = np.searchsorted(stores, store_pks)
    return {name: column[order] for name, column in rows.items()}


async def read_rows_after(
    connection: AsyncConnection, report: Report, store: int, limit: int, columns: Mapping[str, str]
) -> dict[str, NDArray[Any]]:
    """Return `store` and these columns of a report's next rows after a store, by database id."""
    types = {"store": "int4", **columns}
    query = (
        f"SELECT {', '.join(types)} FROM report_rows"  # noqa: S608  fixed names
        " WHERE report = $1 AND store > $2 ORDER BY store LIMIT $3"
    )
    raw = await raw_connection(connection)
    return await bulk.copy_out(raw, query, types, report.id, store, limit)


async def read_outages(
    engine: AsyncEngine, report: Report, store_pks: Int64
) -> dict[str, NDArray[Any]]:
    """Return `store` and columns of `rows.OUTAGE_TYPES`, of some stores, by store and instant."""
    types = {"store": "int4", **OUTAGE_TYPES}
    lists = ", ".join(f"unnest({name}) AS {name}" for name in OUTAGE_TYPES)
    query = (
        f"SELECT store, {lists} FROM report_outages"  # noqa: S608  fixed names
        " WHERE report = $1 AND store = ANY($2::int4[]) ORDER BY store, began_at"
    )
    async with engine.connect() as connection:
        raw = await raw_connection(connection)
        return await bulk.copy_out(raw, query, types, report.id, store_pks.tolist())
