"""Weekly partitions of `observations`: Monday to Monday, UTC."""

from datetime import datetime
from typing import Any

import asyncpg

from openhours.errors import Unavailable
from openhours.times import from_us

_LOCK = 0x7765656B  # "week": held from making a week's partition to the commit
# A file that brings new weeks holds the lock as long as it is loaded.
_TIMEOUT = "2s"
WEEK = 7 * 86_400_000_000
# 1970-01-05 was a Monday.
_MONDAY = 4 * 86_400_000_000


def week_of(us: int) -> int:
    """Return the week (counted from 1970-01-05) of an instant in µs since 1970."""
    return (us - _MONDAY) // WEEK


def start_of(week: int) -> datetime:
    """Return the week's Monday, 00:00 UTC."""
    return from_us(week * WEEK + _MONDAY)


def name_of(week: int) -> str:
    """Return the name of the week's table: `observations_` and its Monday."""
    return f"observations_{start_of(week):%Y%m%d}"


# Read from the tables themselves: what to_regclass() knows may be older than the lock, and then it
# does not find a table that the lock's last holder made.
_STATE = """
SELECT EXISTS (SELECT FROM pg_inherits i WHERE i.inhrelid = c.oid) FROM pg_class c
WHERE relname = $1 AND relnamespace = (
    SELECT relnamespace FROM pg_class WHERE oid = 'observations'::regclass)
"""
_KEYED = """
SELECT EXISTS (
    SELECT FROM pg_index i JOIN pg_class c ON c.oid = i.indrelid
    WHERE c.relname = $1 AND i.indisprimary)
"""


async def begin(connection: "asyncpg.Connection[Any]", week: int) -> bool:
    """Make the week's table if there is none, without a key and outside `observations`.

    Return whether it was made; then fill and attach it. No other transaction makes a partition
    until the caller's ends.
    """
    name = name_of(week)
    if await connection.fetchval(_STATE, name):
        return False
    await connection.execute("SELECT pg_advisory_xact_lock($1)", _LOCK)
    attached: bool | None = await connection.fetchval(_STATE, name)
    if attached is False:
        # It was detached by hand, with its rows.
        await attach(connection, week)
    if attached is not None:
        return False
    # `CREATE TABLE … PARTITION OF` would wait for every reader, and make all others wait behind it.
    await connection.execute(f"CREATE TABLE {name} (LIKE observations INCLUDING DEFAULTS)")
    return True


async def ensure(connection: "asyncpg.Connection[Any]", week: int) -> None:
    """Make the week's partition, empty, in a short transaction of its own, if there is none.

    Raise Unavailable while a file that brings new weeks is loaded.
    """
    try:
        async with connection.transaction():
            await connection.execute(f"SET LOCAL lock_timeout = '{_TIMEOUT}'")
            if await begin(connection, week):
                await attach(connection, week)
    except asyncpg.LockNotAvailableError:
        raise Unavailable(
            f"a file is being loaded; the week of {start_of(week):%Y-%m-%d} is locked: try again"
        ) from None


async def attach(connection: "asyncpg.Connection[Any]", week: int) -> None:
    """Give the week's table its key and make it a partition."""
    name = name_of(week)
    start, end = (f"'{start_of(w).isoformat()}'" for w in (week, week + 1))
    if not await connection.fetchval(_KEYED, name):
        await connection.execute(
            f"ALTER TABLE {name} ADD PRIMARY KEY (observed_at, store);"
            f"CREATE INDEX {name}_store ON {name} (store)"
        )
    await connection.execute(
        f"""
        ALTER TABLE {name} ADD CONSTRAINT {name}_week
            CHECK (observed_at >= {start} AND observed_at < {end});
        ALTER TABLE observations ATTACH PARTITION {name} FOR VALUES FROM ({start}) TO ({end});
        ALTER TABLE {name} DROP CONSTRAINT {name}_week;
        """
    )
