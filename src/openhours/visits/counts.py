"""Job: count visits by page and by referrer in each hour and each day, for the last days.

    hours      |-------|-------|-------|-------|--
    counts     #################################      up to `counted_until`
    visits     vvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvv
                                                ╂     the counter's `newest_at`

Writers take the counter's lock before the time and hold it until their commit. So once somebody
reads `newest_at`, everything before it is committed, and whatever comes later is not before it.
What is counted is final, then, and is committed together with `counted_until`; visits since then
are read one by one.

The counts are trusted only as long as there are as many visits before `counted_until` as when they
were made; else they are made anew.
"""

from datetime import datetime, timedelta

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

SCHEDULE = "visit counts"
EVERY_MINUTE = "* * * * *"
# The longest timeframe of statistics is a week.
_KEPT_FOR = timedelta(days=9)
# Visits of so long are counted in one transaction.
_STEP = timedelta(hours=3)

# How many visits there were before an instant.
_BEFORE = """
coalesce((SELECT number - 1 FROM visits WHERE visited_at >= {instant}
          ORDER BY visited_at, number LIMIT 1), (SELECT total FROM visit_counter))
"""
_LOCK = text("SELECT FROM visit_counting FOR UPDATE")
_STATE = text(f"""
SELECT CASE WHEN visits = {_BEFORE.format(instant="counted_until")} THEN counted_until END
FROM visit_counting
""")  # noqa: S608  constant texts
_NEWEST = text("SELECT newest_at FROM visit_counter")
_COUNT = text("""
INSERT INTO visit_counts AS c (hours, starts_at, is_referrer, key, name, visits, bots)
SELECT hours, starts_at, is_referrer, md5(coalesce(name, ''))::uuid, name, visits, bots
FROM (
    SELECT h.hours, date_trunc(h.unit, v.visited_at, 'UTC') AS starts_at, n.is_referrer, n.name,
           count(*) AS visits, count(*) FILTER (WHERE v.bot) AS bots
    FROM visits v
    CROSS JOIN LATERAL (VALUES (false, v.page_url), (true, v.referrer)) AS n (is_referrer, name)
    CROSS JOIN (VALUES (1, 'hour'), (24, 'day')) AS h (hours, unit)
    WHERE v.visited_at >= :since AND v.visited_at < :until
    GROUP BY 1, 2, 3, 4
) counted
ORDER BY 1, 2, 3, 4  -- rows lie in the order in which they are read
ON CONFLICT (hours, starts_at, is_referrer, key) DO UPDATE
SET visits = c.visits + excluded.visits, bots = c.bots + excluded.bots
""")
_ADVANCE = text(f"""
UPDATE visit_counting SET counted_until = :until, visits = {_BEFORE.format(instant=":until")}
""")  # noqa: S608
_FORGET = text("DELETE FROM visit_counts WHERE starts_at < :before")
_FORGET_ALL = text("DELETE FROM visit_counts")


async def read_counted_until(connection: AsyncConnection) -> datetime | None:
    """Return up to where the counts hold all visits of the last days; None: they cannot be trusted.

    It is so in the snapshot of the connection's transaction.
    """
    until: datetime | None = (await connection.execute(_STATE)).scalar_one()
    return until


async def count_visits(engine: AsyncEngine) -> None:
    """Count all visits that are not counted yet, save the newest moment's.

    It may be called at any time, any number of times, by any number of workers.
    """
    while True:
        async with engine.begin() as connection:
            if not await _count_some(connection):
                return


async def _count_some(connection: AsyncConnection) -> bool:
    """Count the next hours; return whether more may follow."""
    await connection.execute(_LOCK)
    since = await read_counted_until(connection)
    newest: datetime = (await connection.execute(_NEWEST)).scalar_one()
    oldest = (newest - _KEPT_FOR).replace(hour=0, minute=0, second=0, microsecond=0)
    if since is None:
        await connection.execute(_FORGET_ALL)
    since = oldest if since is None else max(since, oldest)
    until = min(newest, since + _STEP)
    await connection.execute(_COUNT, {"since": since, "until": until})
    await connection.execute(_ADVANCE, {"until": until})
    return until < newest


async def prune_counts(engine: AsyncEngine) -> None:
    """Delete counts that no timeframe reaches."""
    async with engine.begin() as connection:
        newest: datetime = (await connection.execute(_NEWEST)).scalar_one()
        await connection.execute(_FORGET, {"before": newest - _KEPT_FOR})
