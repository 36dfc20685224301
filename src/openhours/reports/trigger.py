"""Trigger a report: its T and options are fixed here, once, together with its job."""

import secrets
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from sqlalchemy import func, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from openhours.db.queue import enqueue
from openhours.db.weekly import start_of, week_of
from openhours.errors import TooManyRequests, invalid, located
from openhours.reports.tables import Report
from openhours.reports.windows import is_calendar, parse_windows
from openhours.settings import Settings
from openhours.stores.labels import check_labels
from openhours.stores.queries import find_stores
from openhours.stores.tables import BEATING, POLLED, FeedClock, Store
from openhours.times import now, to_us
from openhours.uptime.windows import DEFAULT_WINDOWS, Window

JOB = "report"
MAX_WAITING = 100
MAX_WINDOWS_WITH_INTERVALS = 40
_RETRY_AFTER = 10  # seconds
_QUEUE_LOCK = 0x7265_706F_7274  # of PostgreSQL's advisory locks: "report"


async def trigger(
    connection: AsyncConnection,
    settings: Settings,
    *,
    as_of: datetime | None = None,
    interpolation: str = "nearest",
    store_ids: Sequence[str] | None = None,
    labels: Mapping[str, Sequence[str]] | None = None,
    windows: Sequence[str] | None = None,
    calendar_timezone: str | None = None,
    intervals: bool = False,
    outages: bool = False,
) -> str:
    """Insert a report and its job, to be committed together by the caller; return its report_id.

    Raise Invalid for stores and labels that do not exist and windows that cannot be,
    TooManyRequests while too many reports wait.
    """
    await _refuse_when_full(connection)
    stores = None if store_ids is None else await find_stores(connection, store_ids)
    if labels is not None:
        await check_labels(connection, labels)
    zone = calendar_timezone or settings.default_timezone
    texts = windows or [window.name for window in DEFAULT_WINDOWS]
    polled, beating = await _as_of(connection, as_of, any(map(is_calendar, texts)))
    with located("windows"):
        chosen = parse_windows(texts, to_us(max(polled or beating, beating)), zone)
        _refuse_pruned(chosen, settings)
        if intervals and len(chosen) > MAX_WINDOWS_WITH_INTERVALS:
            raise invalid(f"more than {MAX_WINDOWS_WITH_INTERVALS} windows with intervals")
    report_id = secrets.token_hex(16)
    report_pk = await connection.scalar(
        insert(Report)
        .values(
            report_id=report_id,
            as_of_polled=polled,
            as_of_beating=beating,
            interpolation=interpolation,
            stores=stores,
            labels=labels,
            lookback_days=settings.lookback_days,
            heartbeat_expiry_seconds=settings.heartbeat_expiry_seconds,
            observed_within_minutes=settings.observed_within_minutes,
            default_timezone=settings.default_timezone,
            target=None if settings.target is None else int(settings.target * 100),
            windows=[list(window) for window in chosen],
            calendar_timezone=zone,
            intervals=intervals,
            outages=outages,
        )
        .returning(Report.id)
    )
    await enqueue(connection, JOB, str(report_pk))
    return report_id


async def _as_of(
    connection: AsyncConnection, asked: datetime | None, calendar: bool
) -> tuple[datetime | None, datetime]:
    """Return T of polled stores, None without any poll, and that of beating stores.

    Each is its feed's clock; one that was asked for, or that calendar windows need, is both.
    """
    if asked is not None:
        return asked, asked
    newest = select(FeedClock.newest_at).where(FeedClock.feed == POLLED).scalar_subquery()
    any_beats = select(Store.id).where(Store.feed == BEATING).exists()
    found = await connection.execute(select(newest, func.now(), any_beats))
    polled, present, beats = found.one()
    if not calendar:
        return polled, present
    clocks = [clock for clock in (polled, present if beats else None) if clock is not None]
    one = max(clocks, default=present)
    return one, one


def _refuse_pruned(windows: Sequence[Window], settings: Settings) -> None:
    """Raise Invalid for a named window of which observations may have been pruned."""
    if settings.keep_days is None:
        return
    kept_since = start_of(week_of(to_us(now() - timedelta(days=settings.keep_days))))
    for window in windows:
        if window.kind != "elapsed" and window.first_instant(0) < to_us(kept_since):
            raise invalid(
                f"{window.name!r} begins before {kept_since:%Y-%m-%d}, and what is older"
                f" is not kept (OPENHOURS_KEEP_DAYS={settings.keep_days})"
            )


async def _refuse_when_full(connection: AsyncConnection) -> None:
    """Raise TooManyRequests while MAX_WAITING reports wait for a worker."""
    await _take_turn(connection)
    waiting = select(Report.id).where(Report.state == "queued").limit(MAX_WAITING)
    count = await connection.scalar(select(func.count()).select_from(waiting.subquery()))
    if count is not None and count >= MAX_WAITING:
        raise TooManyRequests(f"{MAX_WAITING} reports are waiting already", _RETRY_AFTER)


async def _take_turn(connection: AsyncConnection) -> None:
    """Let one trigger run at a time, until it is committed: else they would not see each other."""
    await connection.execute(select(func.pg_advisory_xact_lock(_QUEUE_LOCK)))
