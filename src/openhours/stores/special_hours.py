"""Special hours: when a store, or every polled store, opens on single dates.

09:00-12:00 14:00-16:00
closed
"""

from collections.abc import Sequence
from datetime import date
from typing import Any

from sqlalchemy import Row, and_, delete, func, insert, or_, select
from sqlalchemy.dialects.postgresql import aggregate_order_by
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from openhours.api.pagination import Page, fetch_page
from openhours.errors import FieldProblem, Invalid, NotFound, invalid
from openhours.stores.hours import parse_span, written_span
from openhours.stores.schemas import SpecialHoursInfo
from openhours.stores.store_ids import EVERY
from openhours.stores.tables import BEATING, EVERY_STORE, SpecialHours, Store
from openhours.uptime.dates import CLOSED

_CLOSED = "closed"
_LOCK = 0x73706563  # of PostgreSQL's advisory locks: "spec"


def parse_spans(texts: Sequence[str]) -> list[tuple[int, int]]:
    """Return opening and closing of each text, in µs; of none, or `closed` alone, an empty list.

    Raise Invalid, with the path `hours` and the position of each text that is wrong.
    """
    if [text.lower() for text in texts] == [_CLOSED]:
        return []
    spans, problems = set(), []
    for n, text in enumerate(texts):
        try:
            spans.add(parse_span(text))
        except Invalid as error:
            problems.append(FieldProblem(("hours", n), str(error)))
    if problems:
        raise Invalid(problems)
    return sorted(spans)


def written_spans(one: SpecialHoursInfo) -> str:
    """Return the hours in words that `parse_spans` reads."""
    return " ".join(one.hours) or _CLOSED


async def find_store_or_every(connection: AsyncConnection, store_id: str) -> int:
    """Return the database id of a store, EVERY_STORE for EVERY. Raise Invalid: `store_id`."""
    if store_id == EVERY:
        return EVERY_STORE
    found = None
    if "\0" not in store_id:  # no store's, and PostgreSQL would refuse the query
        found = await connection.scalar(select(Store.id).where(Store.store_id == store_id))
    if found is None:
        raise invalid(f"unknown store: {store_id}", "store_id")
    return int(found)


async def set_special_hours(
    engine: AsyncEngine, store_id: str, day: date, spans: Sequence[tuple[int, int]]
) -> SpecialHoursInfo:
    """Replace the special hours of a store, or of EVERY, on a date; without spans it is closed.

    Raise Invalid, with the path `store_id`, for an unknown store: it is most likely a slip.
    """
    async with engine.begin() as connection:
        # Of two who set the hours of a date at once, the second replaces those of the first.
        await connection.execute(select(func.pg_advisory_xact_lock(_LOCK)))
        of_date = {"store": await find_store_or_every(connection, store_id), "date": day}
        await connection.execute(delete(SpecialHours).filter_by(**of_date))
        rows = [
            {**of_date, "opens": opens, "closes": closes}
            for opens, closes in spans or [(CLOSED, CLOSED)]
        ]
        await connection.execute(insert(SpecialHours), rows)
    return _info(store_id, day, spans)


async def remove_special_hours(engine: AsyncEngine, store_id: str, day: date) -> None:
    """Remove the special hours of a store, or of EVERY, on a date. Raise NotFound, Invalid."""
    async with engine.begin() as connection:
        of_date = {"store": await find_store_or_every(connection, store_id), "date": day}
        removed = await connection.execute(delete(SpecialHours).filter_by(**of_date))
    if not removed.rowcount:
        raise NotFound(f"there are no special hours of {store_id!r} on {day}")


# The spans of a store and date, as PostgreSQL makes arrays of them.
_BY_START = (SpecialHours.opens, SpecialHours.closes)
_DATES = select(
    SpecialHours.store,
    SpecialHours.date,
    select(Store.store_id)
    .where(Store.id == SpecialHours.store)
    .correlate(SpecialHours)
    .scalar_subquery()
    .label("store_id"),
    func.array_agg(aggregate_order_by(SpecialHours.opens, *_BY_START)).label("opens"),
    func.array_agg(aggregate_order_by(SpecialHours.closes, *_BY_START)).label("closes"),
).group_by(SpecialHours.store, SpecialHours.date)


async def list_special_hours(
    connection: AsyncConnection,
    store_pk: int | None = None,
    *,
    limit: int,
    cursor: str | None = None,
) -> Page[Row[Any]]:
    """Return the special hours of all stores, or of one, the last date first.

    The rows are for `special_hours_info`.
    """
    query = _DATES if store_pk is None else _DATES.where(SpecialHours.store == store_pk)
    keys = [SpecialHours.date, SpecialHours.store]
    return await fetch_page(connection, query, keys, limit=limit, cursor=cursor, descending=True)


async def special_hours_of(engine: AsyncEngine, store_id: str) -> list[SpecialHoursInfo]:
    """Return the special hours that a store keeps, by date: its own, or else those of EVERY."""
    store = select(Store.id).where(Store.store_id == store_id).scalar_subquery()
    is_pc = select(Store.feed == BEATING).where(Store.store_id == store_id).scalar_subquery()
    of_every = and_(SpecialHours.store == EVERY_STORE, is_pc.is_distinct_from(True))
    query = _DATES.where(or_(SpecialHours.store == store, of_every))
    async with engine.connect() as connection:
        # Its own come last.
        rows = await connection.execute(query.order_by(SpecialHours.date, SpecialHours.store))
        return list({row.date: special_hours_info(row) for row in rows}.values())


def special_hours_info(row: Row[Any]) -> SpecialHoursInfo:
    """Return the description of the special hours of a store and date."""
    spans = [span for span in zip(row.opens, row.closes, strict=True) if span != (CLOSED, CLOSED)]
    return _info(row.store_id or EVERY, row.date, spans)


def _info(store_id: str, day: date, spans: Sequence[tuple[int, int]]) -> SpecialHoursInfo:
    return SpecialHoursInfo(
        store_id=store_id, date=day, hours=[written_span(*span) for span in spans]
    )
