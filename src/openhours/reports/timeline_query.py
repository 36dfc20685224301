"""As of when and by which rules a time line is asked for: by T, or by a report."""

from datetime import datetime
from typing import NamedTuple

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from openhours.db.engine import raw_connection
from openhours.errors import Conflict, NotFound, invalid
from openhours.reports.partition import Filling, filling_of
from openhours.reports.queries import find_report
from openhours.reports.tables import Report, ReportRow
from openhours.reports.timeline import Asked, Timeline, read_timeline
from openhours.settings import Settings
from openhours.stores.tables import POLLED, FeedClock
from openhours.times import DAY, to_us
from openhours.uptime.totals import WINDOWS, Figures


class Answer(NamedTuple):
    """A time line; with a report, whether the store's data changed since it was computed."""

    timeline: Timeline
    report: Report | None
    changed_since: bool | None


async def timeline_of(
    engine: AsyncEngine,
    settings: Settings,
    store_id: str,
    as_of: datetime | None,
    report_id: str | None,
) -> Answer:
    """The time line of a store as of T or of a report's T, or as of its feed's newest.

    Raise NotFound (no such store or report), Conflict (the report is not complete), or Invalid.
    """
    if as_of is not None and report_id is not None:
        raise invalid("give as_of or report_id, not both", "query", "as_of")
    report = None if report_id is None else await _complete(engine, report_id)
    async with engine.connect() as connection:
        if report is None:
            asked = await _by_settings(connection, settings, as_of)
        else:
            asked = _by_report(report)
        await connection.rollback()
        raw = await raw_connection(connection)
        timeline = await read_timeline(raw, store_id, asked)
        changed = None if report is None else await _changed(connection, report, timeline)
    return Answer(timeline, report, changed)


async def _complete(engine: AsyncEngine, report_id: str) -> Report:
    report = await find_report(engine, report_id)
    if report.state != "complete":
        raise Conflict(f"the report is {report.state}")
    return report


async def _by_settings(
    connection: AsyncConnection, settings: Settings, as_of: datetime | None
) -> Asked:
    """As a report that is triggered now would be computed."""
    newest = select(FeedClock.newest_at).where(FeedClock.feed == POLLED).scalar_subquery()
    clock = (await connection.execute(select(newest, func.now()))).one()
    polled, beating = clock if as_of is None else (as_of, as_of)
    return Asked(
        as_of_polled=None if polled is None else to_us(polled),
        as_of_beating=to_us(beating),
        lookback=settings.lookback_days * DAY,
        default_timezone=settings.default_timezone,
        filling=Filling(
            interpolation="nearest",
            observed_within=settings.observed_within_minutes * 60_000_000,
            heartbeat_expiry=settings.heartbeat_expiry_seconds * 1_000_000,
        ),
    )


def _by_report(report: Report) -> Asked:
    return Asked(
        as_of_polled=None if report.as_of_polled is None else to_us(report.as_of_polled),
        as_of_beating=to_us(report.as_of_beating),
        lookback=report.lookback_days * DAY,
        default_timezone=report.default_timezone,
        filling=filling_of(report),
    )


async def _changed(connection: AsyncConnection, report: Report, timeline: Timeline) -> bool:
    """Whether the store's figures are now others than those the report has."""
    if report.stores is not None and timeline.number not in report.stores:
        raise NotFound("the report does not cover this store")
    query = select(*ReportRow.__table__.columns).where(
        ReportRow.report == report.id, ReportRow.store == timeline.number
    )
    row = (await connection.execute(query)).one_or_none()
    if row is None or timeline.figures is None:
        return (row is None) != (timeline.figures is None)
    return any(row._mapping[name] != value for name, value in _columns(timeline.figures).items())


def _columns(figures: Figures) -> dict[str, int | bool]:
    """One store's figures as a report's row has them."""
    columns: dict[str, int | bool] = {"known": bool(figures.known[0])}
    for position, window in enumerate(WINDOWS):
        for name in ("open", "up", "observed", "up_observed"):
            columns[f"{name}_{window.name}"] = int(getattr(figures, name)[position, 0])
    return columns
