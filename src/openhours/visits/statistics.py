"""Visit statistics: totals, fast at any number of visits, and the pages of a window."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from sqlalchemy import Row, text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

_HOUR = timedelta(hours=1)

# Number and time have one order: what came since a moment is all from its first visit on.
_TOTALS = text("""
SELECT c.total, c.bots, now() AS now,
       CASE WHEN f.number IS NULL THEN 0 ELSE c.total - f.number + 1 END AS recent,
       CASE WHEN f.number IS NULL THEN 0 ELSE c.bots - f.bots_before END AS recent_bots
FROM visit_counter c
LEFT JOIN LATERAL (
    SELECT number, bots_before FROM visits WHERE visited_at >= now() - CAST(:window AS interval)
    ORDER BY visited_at, number LIMIT 1
) f ON true
""")

# For each moment, how many visits and bots there were before it.
_BEFORE = text("""
SELECT coalesce(f.number - 1, c.total) AS visits, coalesce(f.bots_before, c.bots) AS bots
FROM visit_counter c
CROSS JOIN unnest(CAST(:moments AS timestamptz[])) WITH ORDINALITY AS m (moment, n)
LEFT JOIN LATERAL (
    SELECT number, bots_before FROM visits WHERE visited_at >= m.moment
    ORDER BY visited_at, number LIMIT 1
) f ON true
ORDER BY m.n
""")

_TOP = """
SELECT {column} AS name, count(*) AS visits, count(*) FILTER (WHERE bot) AS bots
FROM visits WHERE visited_at >= :since AND visited_at < :until
GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT :most
"""
_TOP_PAGES = text(_TOP.format(column="page_url"))
_TOP_REFERRERS = text(_TOP.format(column="referrer"))


class Totals(NamedTuple):
    """Visits ever and in the window; `total` and `recent` include those of bots."""

    total: int
    bots: int
    now: datetime
    recent: int
    recent_bots: int


class Count(NamedTuple):
    """Visits of one page, or from one referrer (None: without one)."""

    name: str | None
    visits: int
    bots: int


class HourCount(NamedTuple):
    """Visits in the hour that begins at `hour`."""

    hour: datetime
    visits: int
    bots: int


class Pages(NamedTuple):
    """Visits in [since, until) by page, by referrer, and by hour."""

    since: datetime
    until: datetime
    pages: list[Count]
    referrers: list[Count]
    hours: list[HourCount]


async def totals(engine: AsyncEngine, window: timedelta) -> Totals:
    """Return the exact totals; two rows are read."""
    async with engine.connect() as connection:
        row = (await connection.execute(_TOTALS, {"window": window})).one()
    return Totals(**row._mapping)


async def pages(engine: AsyncEngine, window: timedelta, most: int) -> Pages:
    """Return top pages, top referrers and visits per hour; all visits of the window are read."""
    async with engine.connect() as connection:
        await connection.execution_options(isolation_level="REPEATABLE READ")
        until: datetime = (await connection.execute(text("SELECT now()"))).scalar_one()
        since = until - window
        limits = {"since": since, "until": until, "most": most}
        top_pages = (await connection.execute(_TOP_PAGES, limits)).all()
        top_referrers = (await connection.execute(_TOP_REFERRERS, limits)).all()
        hours = await _per_hour(connection, since, until)
    return Pages(since, until, _counts(top_pages), _counts(top_referrers), hours)


def _counts(rows: Sequence[Row[Any]]) -> list[Count]:
    return [Count(row.name, row.visits, row.bots) for row in rows]


async def _per_hour(
    connection: AsyncConnection, since: datetime, until: datetime
) -> list[HourCount]:
    """Return each hour's visits as a difference of counters, without reading the visits."""
    moments = [since]
    while (hour := _start_of_hour(moments[-1]) + _HOUR) < until:
        moments.append(hour)
    moments.append(until)
    before = (await connection.execute(_BEFORE, {"moments": moments})).all()
    return [
        HourCount(_start_of_hour(moment), after.visits - start.visits, after.bots - start.bots)
        for moment, start, after in zip(moments[:-1], before[:-1], before[1:], strict=True)
    ]


def _start_of_hour(instant: datetime) -> datetime:
    return instant.replace(minute=0, second=0, microsecond=0)
