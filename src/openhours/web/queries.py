"""Queries of pages: the present state, figures of reports, stores searched and sorted."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from sqlalchemy import (
    ColumnElement,
    ColumnExpressionArgument,
    Double,
    Row,
    case,
    cast,
    func,
    outerjoin,
    select,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB, JSONPATH
from sqlalchemy.ext.asyncio import AsyncConnection

from openhours.heartbeats.tables import Heartbeat
from openhours.ingestion.tables import Ingestion, RejectedRow
from openhours.reports.tables import Report, ReportRow
from openhours.stores.search import STORE_NAME, StoreSearch
from openhours.stores.tables import BEATING, POLLED, FeedClock, Store
from openhours.times import MINUTE
from openhours.uptime.intervals.verdicts import CANNOT_TELL, MET, MISSED
from openhours.uptime.windows import DEFAULT_WINDOWS

Window = Literal["hour", "day", "week"]
Verdict = Literal["", "met", "missed", "cannot_tell"]
_VERDICTS: dict[Verdict, int] = {"met": MET, "missed": MISSED, "cannot_tell": CANNOT_TELL}
# Of the default windows in a report's arrays, from 1.
POSITIONS: dict[Window, int] = {"hour": 1, "day": 2, "week": 3}
PAGE = 50
_DEFAULT_WINDOWS = [list(window) for window in DEFAULT_WINDOWS]


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


async def latest_report(
    connection: AsyncConnection, *which: ColumnExpressionArgument[bool]
) -> Report | None:
    """Return the newest complete report of the default windows of all stores, `which` holds of."""
    query = (
        select(*Report.__table__.columns)
        .where(
            Report.state == "complete",
            Report.stores.is_(None),
            Report.labels.is_(None),
            Report.windows == cast(_DEFAULT_WINDOWS, JSONB),
            *which,
        )
        .order_by(Report.created_at.desc(), Report.id.desc())
        .limit(1)
    )
    row = (await connection.execute(query)).one_or_none()
    return None if row is None else Report(**row._mapping)


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
        Report.labels,
        func.cardinality(Report.stores).label("stores_asked"),
        func.jsonb_array_length(Report.windows).label("window_count"),
        func.jsonb_path_query_array(Report.windows, cast("$[0 to 2][0]", JSONPATH)).label(
            "window_names"
        ),
    ).where(complete, Report.id.in_(newest) | Report.report_id.in_(also))
    return list((await connection.execute(query.order_by(Report.id.desc()))).all())


def has_default_windows(report: Report) -> bool:
    """Return whether the report is of the last hour, day and week."""
    return report.windows == _DEFAULT_WINDOWS


_COUNTS = text("""
SELECT count(*) FILTER (WHERE known AND open[n] > 0 AND up[n] = open[n]) AS fully_up,
       count(*) FILTER (WHERE known AND up[n] > 0 AND up[n] < open[n]) AS partly,
       count(*) FILTER (WHERE known AND up[n] = 0 AND open[n] > 0) AS down,
       count(*) FILTER (WHERE known AND open[n] = 0) AS closed,
       count(*) FILTER (WHERE NOT known) AS unknown,
       coalesce(sum(open[n]) FILTER (WHERE known), 0)::int8 AS open,
       coalesce(sum(up[n]) FILTER (WHERE known), 0)::int8 AS up,
       coalesce(sum(open[n]), 0)::int8 AS all_open,
       coalesce(sum(observed[n]), 0)::int8 AS observed
FROM generate_series(1, :windows) n LEFT JOIN report_rows ON report = :report
GROUP BY n ORDER BY n
""")


async def counts(connection: AsyncConnection, report: Report) -> list[Row[Any]]:
    """Return for each of the report's windows how many stores were up, down …, and sums in µs."""
    values = {"report": report.id, "windows": len(report.windows)}
    return list((await connection.execute(_COUNTS, values)).all())


async def distribution(connection: AsyncConnection, report: int, window: int) -> list[int]:
    """Return 21 counts of stores: with uptime of 0 to 5 %, …, 95 to under 100 %, and 100 %.

    `window` is its position in the report.
    """
    query = text("""
        SELECT (20 * up[:n]) / open[:n] AS bin, count(*) AS stores FROM report_rows
        WHERE report = :report AND known AND open[:n] > 0 GROUP BY 1
    """)
    values = {"report": report, "n": window + 1}
    found = dict(tuple(row) for row in await connection.execute(query, values))
    return [int(found.get(n, 0)) for n in range(21)]


@dataclass(frozen=True)
class Search(StoreSearch):
    """Search for stores, and their order. `down_over`: minutes of downtime in `window`."""

    state: Literal["", "down", "unknown"] = ""
    verdict: Verdict = ""
    window: Window = "week"
    down_over: float | None = None
    sort: Literal["id", "hour", "day", "week"] = "id"
    descending: bool = False

    def condition(self) -> ColumnElement[bool]:
        """Return the condition on rows of `stores` with those of a report."""
        condition = super().condition()
        opened, up = _of(self.window)
        if self.state == "unknown":
            condition &= ~ReportRow.known
        if self.state == "down":
            condition &= ReportRow.known & (opened - up > 0)
        if self.verdict:
            condition &= ReportRow.verdict[POSITIONS[self.window]] == _VERDICTS[self.verdict]
        if self.down_over is not None:
            condition &= ReportRow.known & (opened - up > int(self.down_over * MINUTE))
        return condition

    def order(self) -> tuple[ColumnElement[Any], ...]:
        """Return the order of the rows."""
        if self.sort == "id":
            return (Store.store_id.desc() if self.descending else Store.store_id.asc(),)
        opened, up = _of(self.sort)
        share = case((ReportRow.known & (opened > 0), cast(up, Double) / opened))
        by_share = share.desc() if self.descending else share.asc()
        return by_share.nulls_last(), Store.store_id.asc()


def _of(window: Window) -> tuple[ColumnElement[int], ColumnElement[int]]:
    """Return a row's open time and uptime in a window, µs."""
    n = POSITIONS[window]
    return ReportRow.open[n], ReportRow.up[n]


_STORE: tuple[Any, ...] = (
    Store.store_id,
    STORE_NAME,
    Store.feed,
    Store.timezone,
    ReportRow.known,
    ReportRow.target,
    *(ReportRow.verdict[n].label(f"verdict_{window}") for window, n in POSITIONS.items()),
    *(ReportRow.p05[n].label(f"p05_{window}") for window, n in POSITIONS.items()),
    *(ReportRow.p95[n].label(f"p95_{window}") for window, n in POSITIONS.items()),
    *(
        figure.label(f"{name}_{window}")
        for window in POSITIONS
        for name, figure in zip(("open", "up"), _of(window), strict=True)
    ),
)


async def find_stores(
    connection: AsyncConnection, report: Report | None, search: Search, page: int
) -> tuple[int, list[Row[Any]]]:
    """Return how many stores match, and those of one page (from 0) with their figures.

    The figures, `known` and verdicts are null for stores without a row in the report.
    """
    of_report = (ReportRow.store == Store.id) & (ReportRow.report == (report.id if report else 0))
    source = outerjoin(Store, ReportRow, of_report)
    condition = search.condition()
    count = select(func.count()).select_from(source).where(condition)
    total = (await connection.execute(count)).scalar_one()
    query = select(*_STORE).select_from(source).where(condition).order_by(*search.order())
    rows = await connection.execute(query.limit(PAGE).offset(page * PAGE))
    return total, list(rows.all())


async def worst(connection: AsyncConnection, report: int, limit: int) -> list[Row[Any]]:
    """Return the stores with the longest downtime in the last day."""
    (day, day_up), (week, week_up) = _of("day"), _of("week")
    query = (
        select(*_STORE)
        .join_from(ReportRow, Store, Store.id == ReportRow.store)
        .where(ReportRow.report == report, ReportRow.known, day > day_up)
        .order_by((day - day_up).desc(), (week - week_up).desc(), Store.store_id)
    )
    return list((await connection.execute(query.limit(limit))).all())


_COMPARE = text("""
WITH both_reports AS (
    SELECT r.store, r.up[3]::float8 / r.open[3] AS share, r.open[3] - r.up[3] AS down,
           r.open[3] AS open, r.p05[3] AS p05, r.p95[3] AS p95,
           b.up[3]::float8 / b.open[3] AS share_before, b.open[3] - b.up[3] AS down_before,
           b.open[3] AS open_before, b.p05[3] AS p05_before, b.p95[3] AS p95_before
    FROM report_rows r JOIN report_rows b ON b.store = r.store AND b.report = :before
    WHERE r.report = :report AND r.known AND b.known AND r.open[3] > 0 AND b.open[3] > 0
), counted AS (
    SELECT *, count(*) OVER () AS stores,
           count(*) FILTER (WHERE share < share_before) OVER () AS worse,
           count(*) FILTER (WHERE share > share_before) OVER () AS better
    FROM both_reports
)
SELECT c.*, s.store_id,
       (SELECT value FROM labels WHERE store = s.id AND key = 'name') AS name
FROM (SELECT * FROM counted ORDER BY share - share_before, store LIMIT :limit) c
JOIN stores s ON s.id = c.store ORDER BY c.share - c.share_before, s.store_id
""")


async def compare(
    connection: AsyncConnection, report: int, before: int, limit: int
) -> list[Row[Any]]:
    """Return the stores with the largest fall in weekly uptime since another report.

    Each row also has the counts of all `stores` that both reports know, and of the `worse` and
    `better` ones among them. There are no rows if there is no such store.
    """
    values = {"report": report, "before": before, "limit": limit}
    return list((await connection.execute(_COMPARE, values)).all())
