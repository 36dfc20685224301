"""Job: count each user's events of every period that has ended.

Periods lie between the instants of a cron expression (UTC). None is counted while an event could
still be recorded in it:

    events     e1 e2   e3 |            the boundary; a writer that began before it still holds
    clock      ───────────|──w──╂───   the clock's row until its commit (w)
    counting              |  …wait… ╂ moves the clock past the boundary, then counts

A writer takes the lock of the clock's row, reads the time, and commits. So once this job has had
that lock and moved the clock, everything recorded before the boundary is committed, and whatever
comes later is recorded after it.
"""

import asyncio
import logging
from datetime import UTC, datetime, timedelta

from croniter import croniter
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from openhours.times import now

log = logging.getLogger(__name__)

SCHEDULE = "activity counts"

# A worker's clock may be so far ahead of the database's that the boundary is still to come there.
_MAX_SKEW = timedelta(minutes=1)

_MOVE_CLOCK = text("""
UPDATE activity_clock SET recorded_at = greatest(recorded_at, clock_timestamp())
RETURNING recorded_at
""")
_LOCK = text("SELECT counted_until FROM activity_counting FOR UPDATE")
_FIRST_EVENT = text("""
SELECT recorded_at FROM activity_events WHERE recorded_at >= :since
ORDER BY recorded_at LIMIT 1
""")
_COUNT = text("""
WITH counted AS (
    INSERT INTO activity_counts (period_start, period_end, user_id, event_count)
    SELECT :start, :end, user_id, count(*) FROM activity_events
    WHERE recorded_at >= :start AND recorded_at < :end GROUP BY user_id
    RETURNING event_count
)
INSERT INTO activity_periods (period_start, period_end, event_count)
SELECT :start, :end, sum(event_count) FROM counted
""")
_ADVANCE = text("UPDATE activity_counting SET counted_until = :end")


async def count_ended_periods(engine: AsyncEngine, cron: str) -> int:
    """Count all periods that have ended and are not counted yet; return how many had events.

    It may be called at any time, any number of times, by any number of workers.
    """
    closed = await _move_clock(engine)
    latest: datetime = croniter(cron, now()).get_prev(datetime)
    if closed < latest <= closed + _MAX_SKEW:
        await asyncio.sleep((latest - closed).total_seconds())
        closed = await _move_clock(engine)
    counted = 0
    while True:
        async with engine.begin() as connection:
            period = await _count_next(connection, cron, closed)
        if period is None:
            return counted
        counted += 1
        log.info("activity of %s to %s is counted", *period)


async def _move_clock(engine: AsyncEngine) -> datetime:
    """Return an instant before which all events are committed and no more will be recorded."""
    async with engine.begin() as connection:
        moved: datetime = (await connection.execute(_MOVE_CLOCK)).scalar_one()
    return moved


async def _count_next(
    connection: AsyncConnection, cron: str, closed: datetime
) -> tuple[datetime, datetime] | None:
    """Count the next period with events if it ended by `closed`; return its start and end."""
    until: datetime | None = (await connection.execute(_LOCK)).scalar_one()
    since = until or datetime.min.replace(tzinfo=UTC)
    first = (await connection.execute(_FIRST_EVENT, {"since": since})).scalar_one_or_none()
    if first is None:
        return None
    end: datetime = croniter(cron, first).get_next(datetime)
    if end > closed:
        return None
    # Not before what is counted: the expression may have been another one then.
    start = max(since, croniter(cron, end).get_prev(datetime))
    await connection.execute(_COUNT, {"start": start, "end": end})
    await connection.execute(_ADVANCE, {"end": end})
    return start, end
