"""Putting jobs into the queue, inside the caller's transaction; and how the queue stands."""

from typing import NamedTuple

from pgqueuer.db import AsyncpgDriver
from pgqueuer.queries import Queries
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from openhours.db.engine import raw_connection

# States of a report or ingestion that has not ended.
UNFINISHED = ("queued", "running")

# A job of one machine is named job@machine; finished jobs leave the table.
_WORKERS = """
workers AS (
    SELECT split_part(application_name, '@', 2) AS machine FROM pg_stat_activity
    WHERE application_name LIKE 'openhours worker@%' AND datname = current_database()
)
"""
_STATE = text(f"""
WITH {_WORKERS}
SELECT (SELECT count(*) FROM workers) AS workers,
       ARRAY(SELECT split_part(entrypoint, '@', 1) FROM pgqueuer WHERE status = 'queued') AS queued
""")  # noqa: S608  fixed texts
# A job that was picked by a worker which is gone waits, too.
_LACKS_WORKER = text(f"""
WITH {_WORKERS}, waiting AS (
    SELECT split_part(entrypoint, '@', 2) AS machine FROM pgqueuer
    WHERE status IN ('queued', 'picked')
)
SELECT EXISTS (
    SELECT FROM waiting WHERE machine IN ('', :machine) AND NOT EXISTS (
        SELECT FROM workers WHERE waiting.machine IN ('', workers.machine)))
""")  # noqa: S608  fixed texts


class QueueState(NamedTuple):
    """Workers that are connected, and the jobs that wait, by name."""

    workers: int
    queued: dict[str, int]


def worker_name(machine: str) -> str:
    """Return the name of the one connection that each worker keeps to the queue while it works."""
    return f"openhours worker@{machine}"


async def enqueue(
    connection: AsyncConnection, job: str, payload: str, *, once: str | None = None
) -> None:
    """Queue a job; it exists if and only if the caller's transaction commits.

    With `once`, a job with the same key that still waits or runs makes this call do nothing.
    """
    queries = Queries(AsyncpgDriver(await raw_connection(connection)))
    await queries.enqueue(job, payload.encode(), dedupe_key=once, on_conflict="skip")


async def queue_state(connection: AsyncConnection) -> QueueState:
    """Return the queue's state; the cost follows the jobs that wait."""
    row = (await connection.execute(_STATE)).one()
    queued: dict[str, int] = {}
    for job in row.queued:
        queued[job] = queued.get(job, 0) + 1
    return QueueState(row.workers, queued)


async def lacks_worker(connection: AsyncConnection, machine: str) -> bool:
    """Return True if a job waits that no connected worker can take.

    Jobs of other machines do not count: a server has no part in them.
    """
    return bool(await connection.scalar(_LACKS_WORKER, {"machine": machine}))


async def prune_queue_log(engine: AsyncEngine) -> None:
    """Delete what PgQueuer noted of jobs more than 30 days ago."""
    async with engine.begin() as connection:
        await connection.execute(
            text("DELETE FROM pgqueuer_log WHERE created < now() - interval '30 days'")
        )
