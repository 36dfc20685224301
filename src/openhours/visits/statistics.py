"""Visit statistics: totals, fast at any number of visits, and the pages of a window."""

from datetime import datetime, timedelta
from typing import NamedTuple

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from openhours.times import LATEST
from openhours.visits.counts import read_counted_until

_HOUR = timedelta(hours=1)

# Later than every visit of the snapshot, which the statement has taken before.
_CLOCK = text("SELECT clock_timestamp()")

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

# Counts of whole hours and days, and single visits: those that are not counted yet, and those
# between the window's start and the edge, the full hour that is nearest to it.
#
#     hours    |-------|-------|-------|-- … --|------        hours    |-------|-------|--
#     since            :  |                                   since         |  :
#     visits           :--| taken away    visits |----        visits        |++: added
#     counts           ###########################            counts           ##########
#                    edge      counted_until                                 edge
_TOP = text("""
WITH counts AS (
    SELECT is_referrer, name, visits, bots FROM visit_counts
    WHERE hours = 1 AND starts_at >= :edge AND starts_at < :day
    UNION ALL
    SELECT is_referrer, name, visits, bots FROM visit_counts
    WHERE hours = 24 AND starts_at >= :day
), single AS (
    SELECT page_url, referrer, bot, 1 AS sign FROM visits WHERE visited_at >= :uncounted
    UNION ALL
    SELECT page_url, referrer, bot, CAST(:sign AS int) FROM visits
    WHERE visited_at >= :odd_from AND visited_at < :odd_to
), both_kinds AS (
    SELECT * FROM counts
    UNION ALL
    SELECT n.is_referrer, n.name, s.sign, CASE WHEN s.bot THEN s.sign ELSE 0 END
    FROM single s
    CROSS JOIN LATERAL (VALUES (false, page_url), (true, referrer)) AS n (is_referrer, name)
), summed AS MATERIALIZED (
    SELECT is_referrer, name, sum(visits) AS visits, sum(bots) AS bots FROM both_kinds
    GROUP BY 1, 2 HAVING sum(visits) > 0
)
(SELECT * FROM summed WHERE NOT is_referrer ORDER BY visits DESC, name LIMIT :most)
UNION ALL
(SELECT * FROM summed WHERE is_referrer ORDER BY visits DESC, name LIMIT :most)
""")


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
    """Return top pages, top referrers and visits per hour, exact.

    Most are read from the counts of hours and days; see `visits.counts`.
    """
    async with engine.connect() as connection:
        await connection.execution_options(isolation_level="REPEATABLE READ")
        until: datetime = (await connection.execute(_CLOCK)).scalar_one()
        since = until - window
        values = _bounds(since, await read_counted_until(connection))
        top = (await connection.execute(_TOP, values | {"most": most})).all()
        hours = await _per_hour(connection, since, until)
    pages, referrers = (
        [Count(row.name, row.visits, row.bots) for row in top if row.is_referrer is kind]
        for kind in (False, True)
    )
    return Pages(since, until, pages, referrers, hours)


def _bounds(since: datetime, counted_until: datetime | None) -> dict[str, object]:
    """Return the values of `_TOP` for the visits from `since` on."""
    edge = _start_of_hour(since + _HOUR / 2)
    if counted_until is None or counted_until <= max(edge, since):
        # Nothing is taken from the counts.
        return {
            "edge": LATEST,
            "day": LATEST,
            "uncounted": since,
            "sign": 0,
            "odd_from": since,
            "odd_to": since,
        }
    return {
        "edge": edge,
        "day": edge if edge.hour == 0 else edge.replace(hour=0) + timedelta(days=1),
        "uncounted": counted_until,
        "sign": 1 if since < edge else -1,
        "odd_from": min(since, edge),
        "odd_to": max(since, edge),
    }


async def _per_hour(
    connection: AsyncConnection, since: datetime, until: datetime
) -> list[HourCount]:
    """Return each hour's visits as a difference of counters, without reading the visits."""
    moments = [since]
    while (hour := _start_of_hour(moments[-1]) + _HOUR) < until:
        moments.append(hour)
    moments.append(LATEST)  # whatever the database's clock did, nothing is left out
    before = (await connection.execute(_BEFORE, {"moments": moments})).all()
    return [
        HourCount(_start_of_hour(moment), after.visits - start.visits, after.bots - start.bots)
        for moment, start, after in zip(moments[:-1], before[:-1], before[1:], strict=True)
    ]


def _start_of_hour(instant: datetime) -> datetime:
    return instant.replace(minute=0, second=0, microsecond=0)
