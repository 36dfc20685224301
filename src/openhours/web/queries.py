"""Queries of pages: the present state, figures of reports, stores searched and sorted."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

from sqlalchemy import Row, cast, func, select, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.ext.asyncio import AsyncConnection

from openhours.heartbeats.tables import Heartbeat
from openhours.ingestion.tables import Ingestion, RejectedRow
from openhours.reports.tables import Report
from openhours.stores.tables import BEATING, POLLED, FeedClock, Store
from openhours.uptime.windows import DEFAULT_WINDOWS

Window = Literal["hour", "day", "week"]
# Of the default windows in a report's arrays, from 1.
POSITIONS: dict[Window, int] = {"hour": 1, "day": 2, "week": 3}
PAGE = 50
_DEFAULT_WINDOWS = [list(window) for window in DEFAULT_WINDOWS]

# The special characters of LIKE.
_LIKE = str.maketrans({"\\": "\\\\", "%": "\\%", "_": "\\_"})


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


async def latest_report(connection: AsyncConnection, before: Report | None = None) -> Report | None:
    """Return the newest complete report of the default windows of all stores.

    Triggered before `before`, if that is given.
    """
    query = (
        select(*Report.__table__.columns)
        .where(
            Report.state == "complete",
            Report.stores.is_(None),
            Report.windows == cast(_DEFAULT_WINDOWS, JSONB),
        )
        .order_by(Report.created_at.desc(), Report.id.desc())
        .limit(1)
    )
    if before is not None:
        query = query.where(Report.id < before.id)
    row = (await connection.execute(query)).one_or_none()
    return None if row is None else Report(**row._mapping)


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


async def distribution(connection: AsyncConnection, report: int, window: Window) -> list[int]:
    """Return 21 counts of stores: with uptime of 0 to 5 %, …, 95 to under 100 %, and 100 %."""
    query = text("""
        SELECT (20 * up[:n]) / open[:n] AS bin, count(*) AS stores FROM report_rows
        WHERE report = :report AND known AND open[:n] > 0 GROUP BY 1
    """)
    values = {"report": report, "n": POSITIONS[window]}
    found = dict(tuple(row) for row in await connection.execute(query, values))
    return [int(found.get(n, 0)) for n in range(21)]


@dataclass(frozen=True)
class Search:
    """Search for stores, and their order. `down_over`: minutes of downtime in `window`."""

    text: str = ""
    feed: Literal["", "polled", "beating"] = ""
    state: Literal["", "down", "unknown"] = ""
    window: Window = "week"
    down_over: float | None = None
    sort: Literal["id", "hour", "day", "week"] = "id"
    descending: bool = False


@dataclass
class _Where:
    conditions: list[str] = field(default_factory=list)
    values: dict[str, object] = field(default_factory=dict)

    def add(self, condition: str, **values: object) -> None:
        self.conditions.append(condition)
        self.values |= values

    def __str__(self) -> str:
        return " AND ".join(self.conditions) or "true"


def _where(search: Search) -> _Where:
    where = _Where()
    if search.text:
        where.add("s.store_id ILIKE :like", like=f"%{search.text.translate(_LIKE)}%")
    if search.feed:
        where.add("s.feed = :feed", feed=search.feed)
    if search.state == "unknown":
        where.add("NOT r.known")
    n = POSITIONS[search.window]
    down = f"r.known AND r.open[{n}] - r.up[{n}]"
    if search.state == "down":
        where.add(f"{down} > 0")
    if search.down_over is not None:
        where.add(f"{down} > :over", over=int(search.down_over * 60_000_000))
    return where


_FIGURES = ", ".join(
    f"r.{name}[{n}] AS {name}_{window}"
    for name in ("open", "up")
    for window, n in POSITIONS.items()
)


async def find_stores(
    connection: AsyncConnection, report: Report | None, search: Search, page: int
) -> tuple[int, list[Row[Any]]]:
    """Return how many stores match, and those of one page (from 0) with their figures.

    The figures and `known` are null for stores without a row in the report.
    """
    where = _where(search)
    source = "FROM stores s LEFT JOIN report_rows r ON r.store = s.id AND r.report = :report"
    values: Mapping[str, object] = {**where.values, "report": report.id if report else 0}
    count = text(f"SELECT count(*) {source} WHERE {where}")
    total = int((await connection.execute(count, values)).scalar_one())
    direction = "DESC" if search.descending else "ASC"
    order = f"s.store_id {direction}"
    if search.sort != "id":
        n = POSITIONS[search.sort]
        up, opened = f"r.up[{n}]", f"r.open[{n}]"
        share = f"CASE WHEN r.known AND {opened} > 0 THEN {up}::float8 / {opened} END"
        order = f"{share} {direction} NULLS LAST, s.store_id"
    rows = text(f"""
        SELECT s.store_id, s.feed, s.timezone, r.known, {_FIGURES} {source} WHERE {where}
        ORDER BY {order} LIMIT {PAGE} OFFSET {page * PAGE}
    """)
    return total, list((await connection.execute(rows, values)).all())


_WORST = text(f"""
SELECT s.store_id, s.feed, s.timezone, r.known, {_FIGURES}
FROM report_rows r JOIN stores s ON s.id = r.store
WHERE r.report = :report AND r.known AND r.open[2] > r.up[2]
ORDER BY r.open[2] - r.up[2] DESC, r.open[3] - r.up[3] DESC, s.store_id LIMIT :limit
""")  # noqa: S608  constant texts


async def worst(connection: AsyncConnection, report: int, limit: int) -> list[Row[Any]]:
    """Return the stores with the longest downtime in the last day."""
    return list((await connection.execute(_WORST, {"report": report, "limit": limit})).all())


_COMPARE = text("""
WITH both_reports AS (
    SELECT r.store, r.up[3]::float8 / r.open[3] AS share, r.open[3] - r.up[3] AS down,
           b.up[3]::float8 / b.open[3] AS share_before, b.open[3] - b.up[3] AS down_before
    FROM report_rows r JOIN report_rows b ON b.store = r.store AND b.report = :before
    WHERE r.report = :report AND r.known AND b.known AND r.open[3] > 0 AND b.open[3] > 0
), counted AS (
    SELECT *, count(*) OVER () AS stores,
           count(*) FILTER (WHERE share < share_before) OVER () AS worse,
           count(*) FILTER (WHERE share > share_before) OVER () AS better
    FROM both_reports
)
SELECT c.*, s.store_id
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
