"""Tables partitioned by week, Monday to Monday, UTC: made when rows come, dropped when too old."""

import asyncio
import logging
import secrets
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import asyncpg
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncEngine

from openhours.errors import Unavailable
from openhours.times import DAY, MINUTE, from_us, to_us

log = logging.getLogger(__name__)

_LOCK = 0x7765656B  # "week": with the table's hash, held from making a partition to the commit
# With PostgreSQL's 64 MB the indexes of a week of millions of rows are sorted on disk.
_INDEX_MEMORY = "SET LOCAL maintenance_work_mem = '128MB'"
# A file that brings new weeks of observations holds their lock as long as it is loaded.
_TIMEOUT = "2s"
_LOCK_NOT_AVAILABLE = "55P03"
_OF_WEEK = "of_week"  # constraint
_DROP_TIMEOUT = "SET LOCAL lock_timeout = '500ms'"
_MAX_TRIES = 20
_PAUSE = 3.0
WEEK = 7 * DAY
# 1970-01-05 was a Monday.
_MONDAY = 4 * DAY

_BESIDE = "relnamespace = (SELECT relnamespace FROM pg_class WHERE oid = $2::text::regclass)"
# Read from the tables themselves: what to_regclass() knows may be older than the lock, and then it
# does not find a table that the lock's last holder made.
_STATE = f"""
SELECT EXISTS (SELECT FROM pg_inherits i WHERE i.inhrelid = c.oid) FROM pg_class c
WHERE relname = $1 AND {_BESIDE}
"""  # noqa: S608  our own text
_KEY = """
SELECT pg_get_constraintdef(oid) FROM pg_constraint
WHERE conrelid = $1::text::regclass AND contype = 'p'
"""
_NEW = f"SELECT relname FROM pg_class WHERE relname ~ $1 AND relkind = 'r' AND {_BESIDE}"  # noqa: S608


def week_of(us: int) -> int:
    """Return the week (counted from 1970-01-05) of an instant in µs since 1970."""
    return (us - _MONDAY) // WEEK


def _bounds(week: int) -> tuple[str, str]:
    """Return the week's Monday and the next as SQL."""
    start, end = (f"'{start_of(w).isoformat()}'" for w in (week, week + 1))
    return start, end


def start_of(week: int) -> datetime:
    """Return the week's Monday, 00:00 UTC."""
    return from_us(week * WEEK + _MONDAY)


@dataclass(frozen=True)
class WeeklyTable:
    """A table whose partitions are the weeks of its column `instant`."""

    name: str
    instant: str

    def name_of(self, week: int) -> str:
        """Return the name of the week's table: this one's, and the week's Monday."""
        return f"{self.name}_{start_of(week):%Y%m%d}"

    def new_name(self, week: int) -> str:
        """Return a random name for a table that is to become the week's."""
        return f"{self.name_of(week)}_new_{secrets.token_hex(4)}"

    @property
    def new_names(self) -> str:
        """Return a pattern of `new_name`, for pg_dump."""
        return f"{self.name}_????????_new_????????"

    async def drop_new(self, connection: "asyncpg.Connection[Any]") -> None:
        """Drop the tables with names of `new_name`, but for those that are being read.

        Call it only while nobody else makes such tables.
        """
        pattern = rf"^{self.name}_\d{{8}}_new_[0-9a-f]{{8}}$"
        for row in await connection.fetch(_NEW, pattern, self.name):
            with suppress(asyncpg.LockNotAvailableError):
                async with connection.transaction():
                    await connection.execute(_DROP_TIMEOUT)
                    await connection.execute(f"DROP TABLE {row['relname']}")
                log.info("dropped %s: its ingestion did not complete", row["relname"])

    async def is_missing(self, connection: "asyncpg.Connection[Any]", week: int) -> bool:
        """Return whether the week has no table.

        Then no other transaction makes a partition, or changes this table, until the caller's ends.
        """
        name = self.name_of(week)
        if await connection.fetchval(_STATE, name, self.name):
            return False
        await connection.execute("SELECT pg_advisory_xact_lock($1, hashtext($2))", _LOCK, self.name)
        attached: bool | None = await connection.fetchval(_STATE, name, self.name)
        if attached is None:
            await connection.execute(f"LOCK TABLE {self.name} IN ACCESS SHARE MODE")
            return True
        if not attached:
            # It was detached by hand, with its rows.
            await self.attach(connection, week)
        return False

    async def make(self, connection: "asyncpg.Connection[Any]", week: int) -> None:
        """Make the partition, empty, of a week that `is_missing`."""
        await self.create(connection, self.name_of(week))
        await self.attach(connection, week)

    async def create(self, connection: "asyncpg.Connection[Any]", table: str) -> None:
        """Make a table like this one, without a key, outside of this one; to be attached."""
        # `CREATE TABLE … PARTITION OF` would wait for every reader, and make all others wait
        # behind it.
        await connection.execute(
            f"CREATE TABLE {table} (LIKE {self.name} INCLUDING DEFAULTS INCLUDING CONSTRAINTS)"
        )

    async def ensure(self, connection: "asyncpg.Connection[Any]", week: int) -> None:
        """Make the week's partition, empty, in a short transaction of its own, if there is none.

        Raise Unavailable while a file that brings new weeks of observations is loaded.
        """
        try:
            async with connection.transaction():
                await connection.execute(f"SET LOCAL lock_timeout = '{_TIMEOUT}'")
                if await self.is_missing(connection, week):
                    await self.make(connection, week)
        except asyncpg.LockNotAvailableError:
            raise Unavailable(
                f"a file is being loaded; the week of {start_of(week):%Y-%m-%d} is locked:"
                " try again"
            ) from None

    async def insert_now(
        self, connection: "asyncpg.Connection[Any]", clock: str, statement: str, *args: object
    ) -> asyncpg.Record:
        """Return the first row of a statement that inserts rows of the present.

        If their week is not there it is made, by the instant that the query `clock` returns.
        """
        try:
            return await connection.fetchrow(statement, *args)
        except asyncpg.CheckViolationError:
            present = to_us(await connection.fetchval(clock))
            # Meanwhile it may have become Monday.
            for week in {week_of(present), week_of(present + MINUTE)}:
                await self.ensure(connection, week)
            return await connection.fetchrow(statement, *args)

    async def add_key(self, connection: "asyncpg.Connection[Any]", table: str, week: int) -> None:
        """Give a new table the key of this one, and make sure that its rows are the week's."""
        await connection.execute(_INDEX_MEMORY)
        key = await connection.fetchval(_KEY, self.name)
        await connection.execute(f"ALTER TABLE {table} {self._check(week)}, ADD {key}")

    async def attach(
        self, connection: "asyncpg.Connection[Any]", week: int, new: str | None = None
    ) -> None:
        """Make the week's table a partition; PostgreSQL gives it the indexes that it lacks.

        new: the table that `add_key` has prepared; without it, that with the week's name
        """
        name = self.name_of(week)
        start, end = _bounds(week)
        if new is None:
            await connection.execute(f"ALTER TABLE {name} {self._check(week)}")
        else:
            await connection.execute(f"ALTER TABLE {new} RENAME TO {name}")
            # A table that was this week's once may still have its index by that name.
            if await connection.fetchval("SELECT to_regclass($1) IS NULL", f"{name}_pkey"):
                await connection.execute(f"ALTER INDEX IF EXISTS {new}_pkey RENAME TO {name}_pkey")
        await connection.execute(
            f"""
            ALTER TABLE {self.name} ATTACH PARTITION {name} FOR VALUES FROM ({start}) TO ({end});
            ALTER TABLE {name} DROP CONSTRAINT {_OF_WEEK};
            """
        )

    def _check(self, week: int) -> str:
        """Return SQL for a constraint on the rows of a week; with it, ATTACH need not read them."""
        start, end = _bounds(week)
        return (
            f"ADD CONSTRAINT {_OF_WEEK}"
            f" CHECK ({self.instant} >= {start} AND {self.instant} < {end})"
        )

    async def prune(self, engine: AsyncEngine, before: datetime) -> int:
        """Drop the weeks that ended before an instant; return how many."""
        oldest_kept = self.name_of(week_of(to_us(before)))
        async with engine.connect() as connection:
            tables = await connection.scalars(
                text(
                    "SELECT inhrelid::regclass::text FROM pg_inherits"
                    " WHERE inhparent = CAST(:name AS text)::regclass"
                ),
                {"name": self.name},
            )
            # Names end in their Monday, so they sort like time.
            old = sorted(name for name in tables if name < oldest_kept)
        for name in old:
            await _drop(engine, name)
            log.info("retention: dropped %s", name)
        return len(old)


async def _drop(engine: AsyncEngine, table: str) -> None:
    """Drop a partition; new readers must not queue while this waits for an earlier one."""
    for attempt in range(1, _MAX_TRIES + 1):
        try:
            async with engine.begin() as connection:
                await connection.execute(text(_DROP_TIMEOUT))
                await connection.execute(text(f"DROP TABLE {table}"))
            return
        except DBAPIError as error:
            sqlstate = getattr(error.orig, "sqlstate", None)
            if sqlstate != _LOCK_NOT_AVAILABLE or attempt == _MAX_TRIES:
                raise
            await asyncio.sleep(_PAUSE)
