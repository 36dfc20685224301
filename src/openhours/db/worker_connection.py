"""A connection for synchronous work in a child process or on a Dask worker's thread."""

import asyncio
import threading
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

import asyncpg

from openhours.db.engine import plain_url
from openhours.settings import get_settings

T = TypeVar("T")

# For a transaction. Otherwise a query of a process that was killed goes on, and keeps its locks to
# its end.
NOTICE_KILLED_CLIENT = "SET LOCAL client_connection_check_interval = '500ms'"

_SETTINGS = {"jit": "off", "application_name": "openhours"}

_local = threading.local()


def run(url: str | None, work: Callable[["asyncpg.Connection[Any]"], Awaitable[T]]) -> T:
    """Return the result of `work` over this thread's own connection, which stays open.

    `url` None is the DATABASE_URL of this process: on another machine the database may have
    another address.
    """
    runner: asyncio.Runner | None = getattr(_local, "runner", None)
    if runner is None:
        runner = _local.runner = asyncio.Runner()
    return runner.run(_with_connection(url or _own_url(), work))


async def _with_connection(
    url: str, work: Callable[["asyncpg.Connection[Any]"], Awaitable[T]]
) -> T:
    connection: asyncpg.Connection[Any] | None = getattr(_local, "connection", None)
    if connection is not None and _local.url != url:
        connection.terminate()
        connection = None
    if connection is None or not await _is_usable(connection):
        connection = _local.connection = await connect(url)
        _local.url = url
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


async def connect(url: str | None) -> "asyncpg.Connection[Any]":
    """Return a plain asyncpg connection; `url` as in `run`."""
    connection: asyncpg.Connection[Any] = await asyncpg.connect(
        plain_url(url or _own_url()), server_settings=_SETTINGS
    )
    return connection


async def open_pool(url: str, size: int) -> "asyncpg.Pool[Any]":
    """Return a pool of up to `size` such connections; each is opened when it is first needed."""
    return await asyncpg.create_pool(
        plain_url(url), min_size=0, max_size=size, server_settings=_SETTINGS
    )


def _own_url() -> str:
    url = get_settings().database_url
    if url is None:
        raise RuntimeError("DATABASE_URL is not set in this process")
    return url.get_secret_value()
