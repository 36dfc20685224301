"""Queries of events and their counts, shared by the API and the pages."""

from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Row, Text, cast, select
from sqlalchemy.ext.asyncio import AsyncConnection

from openhours.activity.tables import ActivityCount, ActivityEvent, ActivityPeriod
from openhours.api.pagination import Page, fetch_page


async def list_events(
    connection: AsyncConnection,
    *,
    user_id: int | None = None,
    since: datetime | None = None,
    until: datetime | None = None,
    limit: int,
    offset: int | None = None,
    cursor: str | None = None,
    newest_first: bool = False,
) -> Page[Row[int, datetime, datetime, str, str, int]]:
    """Return events recorded in [since, until), in the order of recording.

    Rows have `user_id`, `happened_at`, `recorded_at`, `action`, and `metadata` as JSON text.
    """
    query = select(
        ActivityEvent.user_id,
        ActivityEvent.happened_at,
        ActivityEvent.recorded_at,
        ActivityEvent.action,
        cast(ActivityEvent.details, Text).label("metadata"),
        ActivityEvent.id,
    ).where(*_conditions(ActivityEvent.user_id, ActivityEvent.recorded_at, user_id, since, until))
    if offset is not None:
        query = query.offset(offset)
    keys = (ActivityEvent.recorded_at, ActivityEvent.id)
    return await fetch_page(
        connection, query, keys, limit=limit, cursor=cursor, descending=newest_first
    )


async def list_counts(
    connection: AsyncConnection,
    *,
    user_id: int | None = None,
    since: datetime | None = None,
    until: datetime | None = None,
    limit: int,
    cursor: str | None = None,
) -> Page[Row[Any]]:
    """Return each user's counts of the periods that begin in [since, until), oldest first."""
    start = ActivityCount.period_start
    query = select(*ActivityCount.__table__.columns).where(
        *_conditions(ActivityCount.user_id, start, user_id, since, until)
    )
    keys = (start, ActivityCount.user_id)
    return await fetch_page(connection, query, keys, limit=limit, cursor=cursor)


async def latest_periods(
    connection: AsyncConnection, user_id: int | None, limit: int
) -> list[Row[datetime, datetime, int]]:
    """Return the last counted periods, oldest first: start, end, events of the user or of all."""
    counted = ActivityPeriod if user_id is None else ActivityCount
    query = select(counted.period_start, counted.period_end, counted.event_count.label("events"))
    if user_id is not None:
        query = query.where(ActivityCount.user_id == user_id)
    query = query.order_by(counted.period_start.desc()).limit(limit)
    return list((await connection.execute(query)).all())[::-1]


def _conditions(
    user: Any,
    at: Any,
    user_id: int | None,
    since: datetime | None = None,
    until: datetime | None = None,
) -> list[ColumnElement[bool]]:
    conditions = []
    if user_id is not None:
        conditions.append(user == user_id)
    if since is not None:
        conditions.append(at >= since)
    if until is not None:
        conditions.append(at < until)
    return conditions
