"""Putting jobs into the queue, inside the caller's transaction."""

from pgqueuer.db import AsyncpgDriver
from pgqueuer.queries import Queries
from sqlalchemy.ext.asyncio import AsyncConnection

from openhours.db.engine import raw_connection


async def enqueue(
    connection: AsyncConnection, job: str, payload: str, *, once: str | None = None
) -> None:
    """Queue a job; it exists if and only if the caller's transaction commits.

    With `once`, a job with the same key that still waits or runs makes this call do nothing.
    """
    queries = Queries(AsyncpgDriver(await raw_connection(connection)))
    await queries.enqueue(job, payload.encode(), dedupe_key=once, on_conflict="skip")
