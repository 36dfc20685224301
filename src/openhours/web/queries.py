"""Queries of pages: the present state, files, and which reports there are."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Row, cast, func, select, text
from sqlalchemy.dialects.postgresql import JSONPATH
from sqlalchemy.ext.asyncio import AsyncConnection

from openhours.heartbeats.tables import Heartbeat
from openhours.ingestion.tables import Ingestion, RejectedRow
from openhours.reports.queries import latest_report
from openhours.reports.tables import Report
from openhours.stores.tables import BEATING, POLLED, FeedClock, Store

_WEEK = timedelta(days=7)


async def stores_by_feed(connection: AsyncConnection) -> dict[str | None, int]:
    """Return the number of stores of each feed; None: of neither yet."""
    query = select(Store.feed, func.count()).group_by(Store.feed)
    rows = (await connection.execute(query)).all()
    return {row[0]: row[1] for row in rows}


async def newest_observations(connection: AsyncConnection) -> dict[str, datetime | None]:
    """Return the instant of the newest observation of each feed."""
    poll = select(FeedClock.newest_at).where(FeedClock.feed == POLLED).scalar_subquery()
    beat = select(func.max(Heartbeat.event_time)).scalar_subquery()
    row = (await connection.execute(select(poll, beat))).one()
    return {POLLED: row[0], BEATING: row[1]}


async def count_unfinished_jobs(connection: AsyncConnection) -> int:
    """Return how many reports and ingestions are queued or running."""
    query = text("""
        SELECT (SELECT count(*) FROM reports WHERE state IN ('queued', 'running'))
             + (SELECT count(*) FROM ingestions WHERE state IN ('queued', 'running'))
    """)
    return int((await connection.execute(query)).scalar_one())


async def latest_files(connection: AsyncConnection, limit: int) -> list[Row[Any]]:
    """Return the last ingestions, newest first."""
    query = select(*Ingestion.__table__.columns).order_by(Ingestion.id.desc()).limit(limit)
    return list((await connection.execute(query)).all())


async def count_rejects(connection: AsyncConnection, ingestion: int) -> int:
    """Return how many rejected rows of a file are kept."""
    query = select(func.count()).where(RejectedRow.ingestion == ingestion)
    return (await connection.execute(query)).scalar_one()


async def first_rejects(
    connection: AsyncConnection, ingestion: int, limit: int
) -> list[Row[int, str, bytes]]:
    """Return the first rejected rows of a file: line, reason and the raw row."""
    query = (
        select(RejectedRow.line, RejectedRow.reason, RejectedRow.raw)
        .where(RejectedRow.ingestion == ingestion)
        .order_by(RejectedRow.line)
        .limit(limit)
    )
    return list((await connection.execute(query)).all())


async def count_reports(connection: AsyncConnection) -> int:
    """Return how many reports there are."""
    return (await connection.execute(select(func.count()).select_from(Report))).scalar_one()


async def report_a_week_earlier(connection: AsyncConnection, report: Report) -> Report | None:
    """Return the report of all stores as of about a week before another, the nearest one.

    None if there is none less than half a week from there: the weeks would be mostly the same.
    """
    as_of = Report.as_of_beating if report.as_of_polled is None else Report.as_of_polled
    earlier = (report.as_of_polled or report.as_of_beating) - _WEEK
    off = func.abs(func.extract("epoch", as_of - earlier))
    return await latest_report(
        connection,
        off < _WEEK.total_seconds() / 2,
        Report.interpolation == report.interpolation,
        nearest=off,
    )


async def complete_reports(
    connection: AsyncConnection, limit: int, also: Sequence[str]
) -> list[Row[Any]]:
    """Return the newest complete reports, and those with these ids, newest first.

    Each with what it was asked for: the names of its first windows, `window_count`, `stores_asked`
    and `labels`.
    """
    complete = Report.state == "complete"
    newest = select(Report.id).where(complete).order_by(Report.id.desc()).limit(limit)
    query = select(
        Report.id,
        Report.report_id,
        Report.created_at,
        Report.as_of_polled,
        Report.as_of_beating,
        Report.labels,
        func.cardinality(Report.stores).label("stores_asked"),
        func.jsonb_array_length(Report.windows).label("window_count"),
        func.jsonb_path_query_array(Report.windows, cast("$[0 to 2][0]", JSONPATH)).label(
            "window_names"
        ),
    ).where(complete, Report.id.in_(newest) | Report.report_id.in_(also))
    return list((await connection.execute(query.order_by(Report.id.desc()))).all())
