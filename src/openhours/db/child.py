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
    if connection is None or connection.is_closed() or _local.settings is not get_settings():
        connection = _local.connection = await connect()
        _local.settings = get_settings()
    try:
        return await work(connection)
    except BaseException:
        # What state it is in is not known: the next work gets a new one.
        _local.connection = None
        connection.terminate()
        raise


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
