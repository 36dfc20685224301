"""Putting jobs into the queue, inside the caller's transaction; and how the queue stands."""

from typing import NamedTuple

from pgqueuer.db import AsyncpgDriver
from pgqueuer.queries import Queries
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from openhours.db.engine import raw_connection

# The name of the one connection that each worker has to the queue as long as it works.
WORKER_NAME = "openhours worker"

# A job of one machine is named job@machine; finished jobs leave the table.
_STATE = text("""
SELECT (SELECT count(*) FROM pg_stat_activity
        WHERE application_name = :worker AND datname = current_database()) AS workers,
       ARRAY(SELECT split_part(entrypoint, '@', 1) FROM pgqueuer WHERE status = 'queued') AS queued
""")


class QueueState(NamedTuple):
    """Workers that are connected, and the jobs that wait, by name."""

    workers: int
    queued: dict[str, int]


async def enqueue(
    connection: AsyncConnection, job: str, payload: str, *, once: str | None = None
) -> None:
    """Queue a job; it exists if and only if the caller's transaction commits.

    With `once`, a job with the same key that still waits or runs makes this call do nothing.
    """
    queries = Queries(AsyncpgDriver(await raw_connection(connection)))
    await queries.enqueue(job, payload.encode(), dedupe_key=once, on_conflict="skip")


async def queue_state(connection: AsyncConnection) -> QueueState:
    """How the queue stands; the cost follows the jobs that wait."""
    row = (await connection.execute(_STATE, {"worker": WORKER_NAME})).one()
    queued: dict[str, int] = {}
    for job in row.queued:
        queued[job] = queued.get(job, 0) + 1
    return QueueState(row.workers, queued)
