"""Engines, the schema's base class, and migrations."""

import errno
import logging
from pathlib import Path
from typing import Any

import asyncpg
from pydantic_core import from_json
from sqlalchemy import Connection, MetaData, event, text
from sqlalchemy.dialects.postgresql import TIMESTAMP
from sqlalchemy.engine import URL, ExceptionContext, make_url
from sqlalchemy.exc import DBAPIError, InvalidatePoolError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine
from sqlalchemy.orm import DeclarativeBase

from openhours.errors import Unavailable

# The type of every column that holds an instant.
Timestamp = TIMESTAMP(timezone=True)

_MIGRATION_LOCK = 0x6F70656E  # "open": one process migrates, the others wait

_CONNECT_TIMEOUT = 10.0
# How long a request waits for a connection of a full pool: a thousand at once get theirs in time.
_POOL_TIMEOUT = 5.0
# PostgreSQL ends a query at its limit. One that is stalled itself does not: so long after it we do.
_STALLED_AFTER = 2.0

# A database that is starting, stopping, full of connections or unreachable: try again later.
DATABASE_AWAY = (
    OSError,
    asyncpg.PostgresConnectionError,
    asyncpg.CannotConnectNowError,
    asyncpg.ObjectNotInPrerequisiteStateError,  # the database allows no connections
    asyncpg.AdminShutdownError,
    asyncpg.CrashShutdownError,
    asyncpg.TooManyConnectionsError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,  # a connection whose last query was cut off
)
# It is there, but cannot do it now: a full pool, a query that reached its time limit, two
# transactions that waited for each other, of which PostgreSQL ended one.
DATABASE_BUSY = (PoolTimeoutError, asyncpg.QueryCanceledError, asyncpg.DeadlockDetectedError)


class Base(DeclarativeBase):
    """Base of every table; constraint names are fixed so that migrations can name them."""

    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(column_0_label)s",
            "uq": "uq_%(table_name)s_%(column_0_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "fk": "fk_%(table_name)s_%(column_0_name)s",
            "pk": "pk_%(table_name)s",
        }
    )


def root_of(error: BaseException) -> BaseException:
    """Return asyncpg's error below SQLAlchemy's, or the error itself."""
    if isinstance(error, DBAPIError):
        return getattr(error.orig, "__cause__", None) or error
    return error


def is_disk_full(error: BaseException) -> bool:
    """Return whether no space is left, on this machine or on the database's."""
    root = root_of(error)
    if isinstance(root, OSError):
        return root.errno in (errno.ENOSPC, errno.EDQUOT)
    return isinstance(root, asyncpg.DiskFullError)


def is_database_away(error: BaseException) -> bool:
    """Return whether the error means that PostgreSQL cannot be reached now."""
    if is_disk_full(error):
        return False
    if isinstance(error, DBAPIError) and (
        error.connection_invalidated or isinstance(error, OperationalError)
    ):
        return True
    return isinstance(root_of(error), (*DATABASE_AWAY, *DATABASE_BUSY, Unavailable))


def is_database_busy(error: BaseException) -> bool:
    """Return whether PostgreSQL can be reached, but cannot do it now."""
    return isinstance(root_of(error), DATABASE_BUSY)


def is_database_unusable(error: BaseException) -> bool:
    """Return whether nothing can be written now: the database is away, or a disk is full."""
    return is_disk_full(error) or is_database_away(error)


def async_url(url: str) -> URL:
    """Return SQLAlchemy's URL for a plain one (`postgres://`, `postgresql://`, `sslmode`)."""
    parsed = make_url(url)
    if parsed.get_backend_name() not in ("postgresql", "postgres"):
        raise ValueError("DATABASE_URL must begin with postgresql://")
    parsed = parsed.set(drivername="postgresql+asyncpg")
    sslmode = parsed.query.get("sslmode")  # libpq's word; asyncpg says ssl
    if sslmode is not None:
        parsed = parsed.difference_update_query(["sslmode"]).update_query_dict({"ssl": sslmode})
    return parsed


def plain_url(url: str) -> str:
    """Return the URL for asyncpg itself, which wants `postgresql://` and reads `sslmode`."""
    return make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)


def make_engine(
    url: str, pool_size: int = 20, *, query_timeout: float | None = None
) -> AsyncEngine:
    """Return an engine that tests connections before use, so that it outlives a restart.

    With `query_timeout` (seconds) it serves requests: a query that takes longer fails, and so does
    one that finds all connections in use for 5 seconds. `is_database_busy` tells both.
    """
    server_settings = {"jit": "off", "application_name": "openhours"}
    connect_args: dict[str, Any] = {"server_settings": server_settings, "timeout": _CONNECT_TIMEOUT}
    options: dict[str, Any] = {}
    if query_timeout is not None:
        server_settings["statement_timeout"] = str(int(query_timeout * 1000))
        connect_args["command_timeout"] = query_timeout + _STALLED_AFTER
        options["pool_timeout"] = _POOL_TIMEOUT
    engine = create_async_engine(
        async_url(url),
        hide_parameters=True,  # an error's text goes to the log; what people sent does not
        pool_size=pool_size,
        max_overflow=0,
        connect_args=connect_args,
        json_deserializer=from_json,  # of a thousand rows in one step of the event loop
        **options,
    )
    event.listen(engine.sync_engine, "checkout", _refuse_closed)
    event.listen(engine.sync_engine, "handle_error", _drop_stalled)
    return engine


def _drop_stalled(context: ExceptionContext) -> None:
    """Close a connection that does not answer, instead of rolling back on it."""
    if isinstance(context.original_exception, TimeoutError):
        context.is_disconnect = True


def _refuse_closed(connection: Any, _record: object, _proxy: object) -> None:
    """Make the pool open another connection.

    A ping would cost every use a round trip; asyncpg knows at once when the server hangs up.
    """
    if connection.driver_connection.is_closed():
        raise InvalidatePoolError


async def raw_connection(connection: AsyncConnection) -> "asyncpg.Connection[Any]":
    """Return the asyncpg connection below, inside SQLAlchemy's transaction.

    SQLAlchemy sends BEGIN with its first statement only: without one, what is done on the raw
    connection would be committed at once and survive a rollback.
    """
    raw = (await connection.get_raw_connection()).driver_connection
    assert isinstance(raw, asyncpg.Connection)
    if connection.in_transaction() and not raw.is_in_transaction():
        await connection.execute(text("SELECT 1"))
    return raw


async def migrate(engine: AsyncEngine) -> None:
    """Bring the schema to the newest version; processes that start together take turns."""
    async with engine.connect() as connection:
        if await _is_newest(connection):
            return
        await connection.execute(text("SELECT pg_advisory_lock(:key)"), {"key": _MIGRATION_LOCK})
        await connection.commit()
        try:
            await connection.run_sync(_upgrade)
            await connection.commit()
        finally:
            await connection.rollback()
            unlock = text("SELECT pg_advisory_unlock(:key)")
            await connection.execute(unlock, {"key": _MIGRATION_LOCK})
            await connection.commit()


def alembic_dir() -> Path:
    """Return the folder of the migrations: inside the package in a wheel, else the checkout's."""
    package = Path(__file__).parents[1]
    inside = package / "alembic"
    return inside if inside.is_dir() else package.parents[1] / "alembic"


async def _is_newest(connection: AsyncConnection) -> bool:
    """Return whether the schema is the newest version: then nobody waits for Alembic to load."""
    newest = max(path.name for path in (alembic_dir() / "versions").glob("*.py"))
    if not await connection.scalar(text("SELECT to_regclass('alembic_version') IS NOT NULL")):
        return False
    versions = await connection.scalars(text("SELECT version_num FROM alembic_version"))
    return versions.all() == [newest.partition("_")[0]]


def _upgrade(connection: Connection) -> None:
    # It names every one of its plugins when it is imported.
    logging.getLogger("alembic").setLevel(logging.WARNING)
    # Only here: child processes, which never migrate, start faster without it.
    from alembic import command, config as alembic_config  # noqa: I001, PLC0415

    config = alembic_config.Config()
    config.set_main_option("script_location", str(alembic_dir()))
    config.attributes["connection"] = connection
    command.upgrade(config, "head")
