"""Reading the catalogue: stores by their ids, and corrections, for people and for reports."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import asyncpg
import numpy as np
from sqlalchemy import Row, func, select
from sqlalchemy.dialects.postgresql import aggregate_order_by
from sqlalchemy.ext.asyncio import AsyncConnection

from openhours.api.pagination import Page, fetch_page
from openhours.errors import NotFound, invalid
from openhours.stores.labels import stores_with
from openhours.stores.schemas import CorrectionInfo
from openhours.stores.tables import Category, Correction, Store, TreatAs
from openhours.times import from_us, to_us
from openhours.uptime.axis import Bool, Int64

# As an array that PostgreSQL makes: a correction may name thousands.
_STORE_IDS = (
    select(func.array_agg(aggregate_order_by(Store.store_id, Store.store_id)))
    .where(Store.id == func.any(Correction.stores))
    .correlate(Correction)
    .scalar_subquery()
    .label("store_ids")
)
_COLUMNS = (*Correction.__table__.columns, _STORE_IDS)


async def find_stores(connection: AsyncConnection, store_ids: Sequence[str]) -> list[int]:
    """Return the database ids of the stores, ascending.

    Raise Invalid, with the path `store_ids`, that names unknown ones.
    """
    wanted = list(dict.fromkeys(store_ids))
    rows = await connection.execute(
        select(Store.store_id, Store.id).where(Store.store_id == func.any(wanted))
    )
    known = {row.store_id: row.id for row in rows}
    unknown = [store_id for store_id in wanted if store_id not in known]
    if unknown:
        raise invalid(f"unknown store: {', '.join(unknown)}", "store_ids")
    return sorted(known.values())


async def find_correction(connection: AsyncConnection, correction_id: str) -> CorrectionInfo:
    """Return the correction, revoked or not; raise NotFound."""
    query = select(*_COLUMNS).where(Correction.correction_id == correction_id)
    row = (await connection.execute(query)).one_or_none()
    if row is None:
        raise NotFound("no correction has this id")
    return correction_info(row)


async def list_corrections(
    connection: AsyncConnection, *, limit: int, cursor: str | None = None
) -> Page[Row[Any]]:
    """Return corrections, the last made first, revoked ones, too: rows for `correction_info`."""
    keys = [Correction.__table__.c.id]
    return await fetch_page(
        connection, select(*_COLUMNS), keys, limit=limit, cursor=cursor, descending=True
    )


def correction_info(row: Row[Any]) -> CorrectionInfo:
    """Return a correction's description."""
    values = row._asdict()
    of_all = row.stores is None and row.labels is None
    return CorrectionInfo.model_validate(
        values | {"from": row.from_at, "to": row.to_at, "all": of_all}
    )


@dataclass(frozen=True)
class StoredCorrection:
    """A correction as reports read it: of [start, end), in µs since 1970.

    Of the stores with the database ids `stores`, of those that have `labels`, or of all.
    """

    id: int
    correction_id: str
    start: int
    end: int
    treat_as: TreatAs
    category: Category
    reason: str
    stores: Sequence[int] | None
    labels: Mapping[str, Sequence[str]] | None


async def read_corrections(
    connection: "asyncpg.Connection[Any]", since: int, until: int
) -> list[StoredCorrection]:
    """Return the corrections of any part of [since, until), µs, that were not revoked.

    In the order in which they were made. Raw asyncpg: a report's child processes have no engine.
    """
    rows = await connection.fetch(
        """
        SELECT id, correction_id, from_at, to_at, treat_as, category, reason, stores,
               labels::text AS labels -- asyncpg gives text, SQLAlchemy's connections a dict
        FROM corrections
        WHERE revoked_at IS NULL AND from_at < $2 AND to_at > $1 ORDER BY id
        """,
        from_us(since),
        from_us(until),
    )
    return [
        StoredCorrection(
            id=row["id"],
            correction_id=row["correction_id"],
            start=to_us(row["from_at"]),
            end=to_us(row["to_at"]),
            treat_as=row["treat_as"],
            category=row["category"],
            reason=row["reason"],
            stores=row["stores"],
            labels=None if row["labels"] is None else json.loads(row["labels"]),
        )
        for row in rows
    ]


async def covers(
    connection: "asyncpg.Connection[Any]",
    corrections: Sequence[StoredCorrection],
    store_pks: Int64,
) -> Bool:
    """Return which correction is of which store: (corrections, stores).

    `store_pks` (n,) are database ids, in any order. Labels are those of the connection's snapshot.
    """
    covered = np.ones((len(corrections), len(store_pks)), np.bool_)
    labelled = [n for n, one in enumerate(corrections) if one.labels is not None]
    if labelled:
        labels = [corrections[n].labels or {} for n in labelled]
        covered[labelled] = await stores_with(connection, labels, store_pks)
    for row, one in zip(covered, corrections, strict=True):
        if one.stores is not None:
            row[:] = np.isin(store_pks, one.stores)
    return covered
