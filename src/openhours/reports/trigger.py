"""Trigger a report: its T and options are fixed here, once, together with its job."""

import secrets
from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import func, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from openhours.db.queue import enqueue
from openhours.errors import TooManyRequests
from openhours.reports.tables import Report
from openhours.settings import Settings
from openhours.stores.queries import find_stores
from openhours.stores.tables import POLLED, FeedClock

JOB = "report"
MAX_WAITING = 100
_RETRY_AFTER = 10  # seconds
_QUEUE_LOCK = 0x7265_706F_7274  # of PostgreSQL's advisory locks: "report"


async def trigger(
    connection: AsyncConnection,
    settings: Settings,
    *,
    as_of: datetime | None = None,
    interpolation: str = "nearest",
    store_ids: Sequence[str] | None = None,
) -> str:
    """Insert a report and its job, to be committed together by the caller; return its report_id.

    Raise Invalid for stores that do not exist, TooManyRequests while too many reports wait.
    """
    await _refuse_when_full(connection)
    stores = None if store_ids is None else await find_stores(connection, store_ids)
    newest_poll = select(FeedClock.newest_at).where(FeedClock.feed == POLLED).scalar_subquery()
    report_id = secrets.token_urlsafe(16)
    report_pk = await connection.scalar(
        insert(Report)
        .values(
            report_id=report_id,
            as_of_polled=newest_poll if as_of is None else as_of,
            as_of_beating=func.now() if as_of is None else as_of,
            interpolation=interpolation,
            stores=stores,
            lookback_days=settings.lookback_days,
            heartbeat_expiry_seconds=settings.heartbeat_expiry_seconds,
            observed_within_minutes=settings.observed_within_minutes,
            default_timezone=settings.default_timezone,
        )
        .returning(Report.id)
    )
    await enqueue(connection, JOB, str(report_pk))
    return report_id


async def _refuse_when_full(connection: AsyncConnection) -> None:
    """Raise TooManyRequests while MAX_WAITING reports wait for a worker."""
    # One trigger at a time, until it is committed: those that come at once would not see each
    # other.
    await connection.execute(select(func.pg_advisory_xact_lock(_QUEUE_LOCK)))
    waiting = select(Report.id).where(Report.state == "queued").limit(MAX_WAITING)
    count = await connection.scalar(select(func.count()).select_from(waiting.subquery()))
    if count is not None and count >= MAX_WAITING:
        raise TooManyRequests(f"{MAX_WAITING} reports are waiting already", _RETRY_AFTER)
