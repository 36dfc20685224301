"""Noticing a connection pooler that breaks sessions: they are needed.

LISTEN, advisory locks, prepared statements and a report's snapshot belong to one process of
PostgreSQL. PgBouncer's session mode keeps a client's for it; its other modes hand it on.
"""

import asyncpg

from openhours.db.engine import plain_url
from openhours.errors import SettingsError

SESSION_SETTINGS = {"jit": "off", "application_name": "openhours"}
_CONNECT_TIMEOUT = 10.0
_ADVICE = "openhours needs pool_mode = session, or DATABASE_URL without PgBouncer"


async def refuse_broken_sessions(url: str) -> None:
    """Raise SettingsError if a pooler gives a connected client's process to another client.

    Raise what asyncpg does where the database cannot be reached.
    """
    try:
        shared = await _share_a_process(url)
    except asyncpg.PostgresConnectionError as error:
        if "startup parameter" in str(error):
            raise SettingsError(
                f"PgBouncer refuses the connection: {error}; "
                "let it ignore_startup_parameters = jit, statement_timeout"
            ) from None
        if "statement pooling" not in str(error):
            raise
        shared = True
    if shared:
        raise SettingsError(f"PgBouncer does not pool by session: {_ADVICE}")


async def _share_a_process(url: str) -> bool:
    first = await _connect(url)
    try:
        second = await _connect(url)
        try:
            before = await _process_of(first)
            async with second.transaction():
                other = await second.fetchval("SELECT pg_backend_pid()")
                return other == before or await _process_of(first) != before
        finally:
            second.terminate()
    finally:
        first.terminate()


async def _process_of(connection: "asyncpg.Connection[None]") -> int:
    async with connection.transaction():  # outside of one, a query itself may be torn apart
        process: int = await connection.fetchval("SELECT pg_backend_pid()")
        return process


async def _connect(url: str) -> "asyncpg.Connection[None]":
    connection: asyncpg.Connection[None] = await asyncpg.connect(
        plain_url(url),
        timeout=_CONNECT_TIMEOUT,
        command_timeout=_CONNECT_TIMEOUT,
        statement_cache_size=0,  # no names that another client's could meet
        server_settings=SESSION_SETTINGS,
    )
    return connection
