"""A connection for synchronous work in a child process or on a Dask worker's thread."""

import asyncio
import threading
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

import asyncpg

from openhours.db.engine import plain_url
from openhours.settings import get_settings

T = TypeVar("T")

_local = threading.local()


def run(work: Callable[["asyncpg.Connection[Any]"], Awaitable[T]]) -> T:
    """The result of `work` over this thread's own connection to DATABASE_URL, which is kept."""
    runner: asyncio.Runner | None = getattr(_local, "runner", None)
    if runner is None:
        runner = _local.runner = asyncio.Runner()
    return runner.run(_with_connection(work))


async def _with_connection(work: Callable[["asyncpg.Connection[Any]"], Awaitable[T]]) -> T:
    connection: asyncpg.Connection[Any] | None = getattr(_local, "connection", None)
    if (
        connection is None
        or _local.settings is not get_settings()
        or not await _is_usable(connection)
    ):
        connection = _local.connection = await connect()
        _local.settings = get_settings()
    try:
        return await work(connection)
    except BaseException:
        # What state it is in is not known: the next work gets a new one.
        _local.connection = None
        connection.terminate()
        raise


async def _is_usable(connection: "asyncpg.Connection[Any]") -> bool:
    """Return whether the server still answers on a kept connection.

    Between two calls no event loop runs here, so asyncpg has not seen the server hang up. Work
    that finds out in its middle costs its job one of few attempts, in each child anew.
    """
    try:
        await connection.execute("SELECT 1")
    except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError):
        connection.terminate()
        return False
    return True


async def connect() -> "asyncpg.Connection[Any]":
    """A plain asyncpg connection to DATABASE_URL."""
    url = get_settings().database_url
    if url is None:
        raise RuntimeError("DATABASE_URL is not set in this process")
    settings = {"jit": "off", "application_name": "openhours"}
    connection: asyncpg.Connection[Any] = await asyncpg.connect(
        plain_url(url.get_secret_value()), server_settings=settings
    )
    return connection
