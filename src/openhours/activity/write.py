"""Writing events: a group is one statement, one round trip, one commit."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple

import asyncpg
from sqlalchemy.ext.asyncio import AsyncEngine

from openhours.activity.tables import EVENTS
from openhours.db.engine import raw_connection

_COLUMNS = "(user_id, happened_at, action, metadata, event_id, n)"
_ARRAYS = "$1::int8[], $2::timestamptz[], $3::text[], $4::text[], $5::text[]"

# The clock's row is locked before the time is read, and until the commit. What ON CONFLICT passes
# over leaves a hole in the ids; they need an order, not more.
_WRITE = f"""
WITH clock AS (
    UPDATE activity_clock
    SET last_id = last_id + $6, recorded_at = greatest(recorded_at, clock_timestamp())
    RETURNING last_id - $6 AS before, recorded_at
), sent AS (
    SELECT e.*, c.recorded_at, c.before + e.n AS id
    FROM clock c, unnest({_ARRAYS}) WITH ORDINALITY AS e {_COLUMNS}
), named AS (
    INSERT INTO activity_event_ids (event_id, recorded_at, id)
    SELECT event_id, recorded_at, id FROM sent WHERE event_id IS NOT NULL
    ON CONFLICT DO NOTHING
    RETURNING id
), written AS (
    INSERT INTO activity_events (recorded_at, id, user_id, happened_at, action, metadata)
    SELECT recorded_at, id, user_id, happened_at, action, metadata::jsonb FROM sent
    WHERE event_id IS NULL OR id IN (SELECT id FROM named)
    RETURNING id
)
SELECT before, recorded_at, ARRAY(SELECT id FROM written) AS ids FROM clock
"""  # noqa: S608  constant names
_CLOCK = "SELECT greatest(recorded_at, clock_timestamp()) FROM activity_clock"

# An event whose week has just been dropped is not there to be compared.
_COMPARE = f"""
SELECT known.recorded_at,
       coalesce((stored.user_id, stored.happened_at, stored.action, stored.metadata)
                = (e.user_id, e.happened_at, e.action, e.metadata::jsonb), true) AS same
FROM unnest({_ARRAYS}) WITH ORDINALITY AS e {_COLUMNS}
LEFT JOIN activity_event_ids known USING (event_id)
LEFT JOIN activity_events stored USING (recorded_at, id)
ORDER BY e.n
"""  # noqa: S608


class EventRow(NamedTuple):
    """Columns of an event to write; `metadata` is JSON text."""

    user_id: int
    happened_at: datetime
    action: str
    metadata: str
    event_id: str | None


async def write_events(
    engine: AsyncEngine, events: Sequence[EventRow]
) -> Sequence[datetime | None]:
    """Write the events in one transaction and return when each was recorded.

    That is an earlier instant where the same event has its `event_id` already, and None where
    another event has it.
    """
    async with engine.connect() as connection:
        raw = await raw_connection(connection)
        # A single statement outside SQLAlchemy's transaction commits itself.
        values = (*zip(*events, strict=True), len(events))
        done = await EVENTS.insert_now(raw, _CLOCK, _WRITE, *values)
        recorded: list[datetime | None] = [done["recorded_at"]] * len(events)
        if len(done["ids"]) < len(events):
            written = set(done["ids"])
            known = [n for n in range(len(events)) if done["before"] + n + 1 not in written]
            times = await _recorded_before(raw, [events[n] for n in known])
            for n, recorded_at in zip(known, times, strict=True):
                recorded[n] = recorded_at
    return recorded


async def _recorded_before(
    connection: "asyncpg.Connection[Any]", events: Sequence[EventRow]
) -> list[datetime | None]:
    rows = await connection.fetch(_COMPARE, *zip(*events, strict=True))
    return [row["recorded_at"] if row["same"] else None for row in rows]
