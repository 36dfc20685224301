"""Finding what a time line is made of: as of T, or by the T and the rules of a report."""

from datetime import datetime
from typing import Any, NamedTuple

import numpy as np
from sqlalchemy import Row, func, select
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from openhours.api.off_loop import off_loop
from openhours.db.engine import raw_connection
from openhours.errors import NotFound, invalid
from openhours.reports.columns import Columns, read_hours, read_special_hours
from openhours.reports.filling import FillRules, fill_rules_of
from openhours.reports.queries import find_complete_report
from openhours.reports.rows import row_columns
from openhours.reports.slices import Slice, read_observations
from openhours.reports.tables import Report, ReportRow
from openhours.reports.timeline import StoreRow, Timeline, TimelineQuery, build_timeline
from openhours.reports.windows import lookback, windows_of
from openhours.settings import Settings
from openhours.stores.queries import covers, read_corrections
from openhours.stores.search import STORE_LABELS
from openhours.stores.tables import POLLED, FeedClock, Store
from openhours.times import DAY, MINUTE, SECOND, to_us


class Answer(NamedTuple):
    """A time line; with a report, whether the store's data changed since it was computed.

    `labels` are the store's as they are now.
    """

    timeline: Timeline
    report: Report | None
    changed_since: bool | None
    labels: dict[str, str]


async def timeline_of(
    engine: AsyncEngine,
    settings: Settings,
    store_id: str,
    as_of: datetime | None,
    report_id: str | None,
) -> Answer:
    """Return the time line of a store, as of T, of a report's T, or of its feed's newest instant.

    Raise NotFound (no such store or report), Conflict (the report is not complete), or Invalid.
    """
    if as_of is not None and report_id is not None:
        raise invalid("give as_of or report_id, not both", "query", "as_of")
    report = None if report_id is None else await find_complete_report(engine, report_id)
    async with engine.connect() as connection:
        await connection.execution_options(isolation_level="REPEATABLE READ")
        if report is None:
            query = await _query_by_settings(connection, settings, as_of)
        else:
            query = _query_by_report(report)
        store, columns, part, labels = await _read_store(connection, store_id, query)
        row = None if report is None else await _report_row(connection, report, store.id)
    timeline = await off_loop(build_timeline, store, columns, part, query)
    changed = None if report is None else _has_changed(row, timeline)
    return Answer(timeline, report, changed, labels)


async def _query_by_settings(
    connection: AsyncConnection, settings: Settings, as_of: datetime | None
) -> TimelineQuery:
    """Return the query for what a report that is triggered now would be made of."""
    newest = select(FeedClock.newest_at).where(FeedClock.feed == POLLED).scalar_subquery()
    clock = (await connection.execute(select(newest, func.now()))).one()
    polled, beating = clock if as_of is None else (as_of, as_of)
    return TimelineQuery(
        as_of_polled=None if polled is None else to_us(polled),
        as_of_beating=to_us(beating),
        lookback=settings.lookback_days * DAY,
        default_timezone=settings.default_timezone,
        rules=FillRules(
            interpolation="nearest",
            observed_within=settings.observed_within_minutes * MINUTE,
            heartbeat_expiry=settings.heartbeat_expiry_seconds * SECOND,
        ),
    )


def _query_by_report(report: Report) -> TimelineQuery:
    return TimelineQuery(
        as_of_polled=None if report.as_of_polled is None else to_us(report.as_of_polled),
        as_of_beating=to_us(report.as_of_beating),
        lookback=report.lookback_days * DAY,
        default_timezone=report.default_timezone,
        rules=fill_rules_of(report),
        windows=windows_of(report),
    )


async def _read_store(
    connection: AsyncConnection, store_id: str, query: TimelineQuery
) -> tuple[StoreRow, Columns, Slice, dict[str, str]]:
    """Read one store, in the snapshot of the connection's transaction. Raise NotFound."""
    found = await connection.execute(
        select(
            Store.id,
            Store.store_id,
            Store.feed,
            Store.timezone,
            Store.first_observed_at,
            STORE_LABELS,
        ).where(Store.store_id == store_id)
    )
    row = found.one_or_none()
    if row is None:
        raise NotFound("no store has this id")
    store = StoreRow(row.id, row.store_id, row.feed, row.timezone)
    as_of = query.as_of_polled if store.feed == POLLED else query.as_of_beating
    as_of = query.as_of_beating if as_of is None else as_of
    part = Slice(
        feed=store.feed or POLLED,
        as_of=as_of,
        lookback=lookback(query.windows, as_of, query.lookback),
        first=store.id,
        last=store.id,
        only=[store.id],
        default_timezone=query.default_timezone,
    )
    ids = np.array([store.id], np.int64)
    first = None if row.first_observed_at is None else to_us(row.first_observed_at)
    raw = await raw_connection(connection)
    corrections = await read_corrections(raw, as_of - part.lookback, as_of)
    columns = Columns(
        ids=ids,
        zone=np.zeros(1, np.int64),
        zones=[store.timezone or query.default_timezone],
        first_observed=np.array([part.as_of + 1 if first is None else first], np.int64),
        hours=await read_hours(raw, part, ids),
        special=await read_special_hours(raw, part, ids),
        observations=await read_observations(raw, part, ids),
        ends=None,
        corrections=corrections,
        covered=await covers(raw, corrections, ids),
    )
    return store, columns, part, row.labels


async def _report_row(
    connection: AsyncConnection, report: Report, store_pk: int
) -> Row[Any] | None:
    """Return the store's row in the report, None if it has none there. Raise NotFound."""
    if report.stores is not None and store_pk not in report.stores:
        raise NotFound("the report does not cover this store")
    query = select(*ReportRow.__table__.columns).where(
        ReportRow.report == report.id, ReportRow.store == store_pk
    )
    row = (await connection.execute(query)).one_or_none()
    if row is None and report.labels is not None:  # which it had then, nobody knows
        raise NotFound("the report does not cover this store")
    return row


def _has_changed(row: Row[Any] | None, timeline: Timeline) -> bool:
    """Return whether the store's figures now differ from those in its row of a report."""
    if row is None or timeline.figures is None:
        return (row is None) != (timeline.figures is None)
    columns = row_columns(timeline.figures, None)
    stored = row._asdict()
    stored["corrected"] = stored["corrected"] or [0] * len(timeline.query.windows)
    return any(stored[name] != values[0].tolist() for name, values in columns.items())
