"""Asking a test's database."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from contextlib import suppress
from datetime import datetime
from typing import Any, TypeVar

import asyncpg
from alembic import command
from alembic.config import Config
from sqlalchemy import Connection
from sqlalchemy.ext.asyncio import AsyncEngine

from openhours.db.engine import alembic_dir, make_engine
from openhours.db.weekly import WeeklyTable, week_of
from openhours.times import to_us
from tests.helpers.waiting import wait_for

T = TypeVar("T")


def on_engine(url: str, work: Callable[[AsyncEngine], Awaitable[T]]) -> T:
    """Run `work` on an engine of its own."""

    async def run() -> T:
        engine = make_engine(url)
        try:
            return await work(engine)
        finally:
            await engine.dispose()

    return asyncio.run(run())


def fetch(url: str, query: str) -> list[tuple[object, ...]]:
    """Ask a database behind the service's back."""

    async def ask() -> list[tuple[object, ...]]:
        connection = await asyncpg.connect(url)
        try:
            return [tuple(row) for row in await connection.fetch(query)]
        finally:
            await connection.close()

    return asyncio.run(ask())


def empty_tables(url: str) -> list[str]:
    """Return the names of the tables that have no row, the queue's excepted."""
    tables = [
        str(name)
        for (name,) in fetch(
            url,
            "SELECT oid::regclass::text FROM pg_class WHERE relkind IN ('r', 'p') "
            "AND NOT relispartition AND relnamespace = 'public'::regnamespace "
            "AND relname NOT LIKE 'pgqueuer%'",
        )
    ]
    return [name for name in tables if not fetch(url, f"SELECT FROM {name} LIMIT 1")]


def truncate(url: str, tables: Iterable[str]) -> None:
    """Empty the tables; others may use them meanwhile."""

    async def run() -> None:
        connection = await asyncpg.connect(url)
        try:
            while True:
                with suppress(asyncpg.DeadlockDetectedError):
                    await connection.execute(f"TRUNCATE {', '.join(tables)} RESTART IDENTITY")
                    return
        finally:
            await connection.close()

    asyncio.run(run())


async def until_one_waits(url: str) -> None:
    """Return when somebody waits for a lock in a database."""
    waiting = (
        "SELECT FROM pg_stat_activity"
        " WHERE wait_event_type = 'Lock' AND datname = current_database()"
    )
    await asyncio.to_thread(wait_for, lambda: bool(fetch(url, waiting)))


async def make_weeks(
    connection: "asyncpg.Connection[Any]", table: WeeklyTable, first: datetime, last: datetime
) -> None:
    """Make the partitions of all weeks from one instant to another."""
    for week in range(week_of(to_us(first)), week_of(to_us(last)) + 1):
        await table.ensure(connection, week)


async def downgrade(engine: AsyncEngine, revision: str) -> None:
    """Bring the schema back to an earlier version."""

    def go(connection: Connection) -> None:
        config = Config()
        config.set_main_option("script_location", str(alembic_dir()))
        config.attributes["connection"] = connection
        command.downgrade(config, revision)

    async with engine.begin() as connection:
        await connection.run_sync(go)
