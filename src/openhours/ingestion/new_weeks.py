"""New weeks of a file: their tables are filled, and get their keys, in transactions of their own.

One transaction does one thing after the other. So one week gets its key while the next is filled;
the file's transaction makes the tables partitions at its end, and nobody sees a row before.

    a week    copy copy copy | key, commit
    the next                   copy copy copy | key, commit
    the file  packs ........................................ attach both, commit

Tables of an ingestion that does not complete are dropped by the next one, or within a minute.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, NamedTuple

import asyncpg
from asyncpg.transaction import Transaction

from openhours.db import worker_connection
from openhours.errors import Unavailable
from openhours.stores.packs import Polls
from openhours.stores.tables import OBSERVATIONS
from openhours.stores.write import copy_observations

# A statement that waits for the file's transaction may hold up what is done here, and PostgreSQL
# cannot see that the file waits for this.
_LOCK_TIMEOUT = "SET LOCAL lock_timeout = '10s'"


class NewWeek(NamedTuple):
    """A new week's table that is being filled."""

    week: int
    table: str
    connection: Any  # the pool's proxy of an asyncpg connection
    transaction: Transaction

    async def add(self, polls: Polls) -> None:
        """Copy polls of this week."""
        await copy_observations(self.connection, self.table, polls)


class NewWeeks:
    """Weeks of one file that have no table yet; see `new_weeks`."""

    def __init__(self, pool: "asyncpg.Pool[Any]") -> None:
        self._pool = pool
        self._ended: list[tuple[NewWeek, asyncio.Task[None]]] = []

    async def begin(self, week: int) -> NewWeek:
        """Make a table for the week, once all others but one have their keys."""
        for _, ending in self._ended[:-1]:
            await ending  # one may still get its key; an error of the others ends the file
        connection: Any = await self._pool.acquire()
        if not self._ended:
            await OBSERVATIONS.drop_new(connection)
        transaction = connection.transaction()
        await transaction.start()
        await connection.execute(f"{worker_connection.NOTICE_KILLED_CLIENT}; {_LOCK_TIMEOUT}")
        table = OBSERVATIONS.new_name(week)
        try:
            await OBSERVATIONS.create(connection, table)
        except asyncpg.LockNotAvailableError:
            raise Unavailable(f"{OBSERVATIONS.name} is locked: try again") from None
        return NewWeek(week, table, connection, transaction)

    def end(self, filled: NewWeek) -> None:
        """Give the table its key and commit it, while the caller goes on."""
        self._ended.append((filled, asyncio.create_task(self._end(filled))))

    async def _end(self, filled: NewWeek) -> None:
        try:
            await OBSERVATIONS.add_key(filled.connection, filled.table, filled.week)
            await filled.transaction.commit()
        finally:
            await self._pool.release(filled.connection)

    async def attach(self, connection: "asyncpg.Connection[Any]") -> None:
        """Make all tables partitions, in the file's transaction."""
        for filled, ending in self._ended:
            await ending
            await OBSERVATIONS.attach(connection, filled.week, filled.table)

    async def stop(self) -> None:
        """Give up what is not ended."""
        for _, ending in self._ended:
            ending.cancel()
        await asyncio.gather(*(ending for _, ending in self._ended), return_exceptions=True)
        self._pool.terminate()


@asynccontextmanager
async def new_weeks(url: str) -> AsyncIterator[NewWeeks]:
    """Yield what fills new weeks over up to two connections, opened when they are needed."""
    pool = await worker_connection.open_pool(url, 2)
    weeks = NewWeeks(pool)
    try:
        yield weeks
    except BaseException:
        await weeks.stop()
        raise
    await pool.close()
