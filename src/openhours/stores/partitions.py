"""The weekly partitions of `observations`: Monday to Monday, UTC."""

from typing import Any

import asyncpg

from openhours.times import from_us

WEEK = 7 * 86_400_000_000
# 1970-01-05 was a Monday.
_MONDAY = 4 * 86_400_000_000


def week_of(us: int) -> int:
    """The week (counted from 1970-01-05) of an instant in µs since 1970."""
    return (us - _MONDAY) // WEEK


def name_of(week: int) -> str:
    """The partition's table: `observations_` and its Monday."""
    return f"observations_{from_us(week * WEEK + _MONDAY):%Y%m%d}"


async def exists(connection: "asyncpg.Connection[Any]", week: int) -> bool:
    """Whether the week has its partition."""
    return bool(
        await connection.fetchval(
            "SELECT EXISTS (SELECT FROM pg_inherits WHERE inhparent = 'observations'::regclass"
            " AND inhrelid = to_regclass($1))",
            name_of(week),
        )
    )


async def create_apart(connection: "asyncpg.Connection[Any]", week: int) -> None:
    """Make the week's table, without key and outside `observations`: to be filled, then attached.

    `CREATE TABLE … PARTITION OF` would wait for every reader, and make all others wait behind it.
    """
    await connection.execute(f"CREATE TABLE {name_of(week)} (LIKE observations INCLUDING DEFAULTS)")


async def attach(connection: "asyncpg.Connection[Any]", week: int) -> None:
    """Give the week's table its key and make it a partition."""
    name = name_of(week)
    start, end = (f"'{from_us(w * WEEK + _MONDAY).isoformat()}'" for w in (week, week + 1))
    await connection.execute(
        f"""
        ALTER TABLE {name}
            ADD PRIMARY KEY (store, observed_at),
            ADD CONSTRAINT {name}_week
                CHECK (observed_at >= {start} AND observed_at < {end});
        ALTER TABLE observations ATTACH PARTITION {name} FOR VALUES FROM ({start}) TO ({end});
        ALTER TABLE {name} DROP CONSTRAINT {name}_week;
        """
    )
