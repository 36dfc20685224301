"""Opening the database that the settings name: the user's own, or the embedded one."""

import asyncio
import logging
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import NamedTuple

import asyncpg
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncEngine

from openhours.db.engine import is_database_unusable, make_engine, migrate, root_of
from openhours.db.machine import make_data_dir, refuse_unfinished_restore
from openhours.db.pgbouncer import refuse_broken_sessions
from openhours.errors import SettingsError
from openhours.settings import Settings

log = logging.getLogger(__name__)

# A wrong password or role, a database that does not exist: waiting does not help.
_REFUSED = (asyncpg.InvalidAuthorizationSpecificationError, asyncpg.InvalidCatalogNameError)


def check(settings: Settings) -> None:
    """Raise SettingsError if the data folder cannot be used by a server or worker."""
    if settings.database_url is None:
        from openhours.db import embedded  # noqa: PLC0415

        embedded.refuse_bad_place(settings.data_dir)
    make_data_dir(settings.data_dir)


@asynccontextmanager
async def opened(settings: Settings) -> AsyncIterator[tuple[AsyncEngine, str]]:
    """Yield an engine for a database with the newest schema, and the database's URL.

    Waits for a database that is away; the embedded server is started, or joined if it runs, and
    left at the end.
    """
    refuse_unfinished_restore(settings.data_dir)
    async with opened_as_it_is(settings) as (engine, url):
        with _explained():
            await _migrate(engine, settings, url)
        yield engine, url


@asynccontextmanager
async def opened_as_it_is(settings: Settings) -> AsyncIterator[tuple[AsyncEngine, str]]:
    """Yield the same as `opened`, but of a schema that may be old, or missing."""
    url = await _url(settings)
    engine = make_engine(url)
    try:
        with _explained():
            await _wait_for_database(settings, url)
        yield engine, url
    finally:
        await engine.dispose()
        if settings.database_url is None:
            from openhours.db import embedded  # noqa: PLC0415

            await asyncio.to_thread(embedded.leave, settings.data_dir)


class Pools(NamedTuple):
    """A server's connections: what takes long must not keep the rest from its own."""

    requests: AsyncEngine
    writes: AsyncEngine  # group commits, and who a caller is
    health: AsyncEngine


def make_pools(settings: Settings, url: str) -> Pools:
    """Return the engines of a server; their queries have the time limit of the settings."""
    limit = settings.query_timeout_seconds
    return Pools(
        requests=make_engine(url, 12, query_timeout=limit),
        writes=make_engine(url, 8, query_timeout=limit),
        health=make_engine(url, 2, query_timeout=limit),
    )


@asynccontextmanager
async def pools(settings: Settings, url: str) -> AsyncIterator[Pools]:
    """Yield the engines of a server, until it stops."""
    made = make_pools(settings, url)
    try:
        yield made
    finally:
        for engine in made:
            await engine.dispose()


@contextmanager
def _explained() -> Iterator[None]:
    """Raise SettingsError where the database lets nobody in, or nobody make tables."""
    try:
        yield
    except (DBAPIError, asyncpg.PostgresError) as error:
        reason = root_of(error)
        if isinstance(reason, asyncpg.InsufficientPrivilegeError):
            raise SettingsError(
                f"the database refuses to make the tables: {reason}; "
                "make the role of DATABASE_URL the owner of the database "
                "(ALTER DATABASE name OWNER TO role)"
            ) from None
        if isinstance(reason, _REFUSED):
            raise SettingsError(f"DATABASE_URL cannot be used: {reason}") from None
        raise


async def _migrate(engine: AsyncEngine, settings: Settings, url: str) -> None:
    """Migrate; begin again when the database goes away meanwhile."""
    while True:
        try:
            return await migrate(engine)
        except Exception as error:
            if not is_database_unusable(error):
                raise
            log.warning("the database went away: %s", root_of(error))
        await _wait_for_database(settings, url)


async def _wait_for_database(settings: Settings, url: str) -> None:
    """Return when PostgreSQL answers; log once in a while that it does not."""
    delay = 0.1
    while True:
        try:
            await refuse_broken_sessions(url)
            return
        except Exception as error:
            if not is_database_unusable(error):
                raise
            log.warning("waiting for the database: %s", error)
            await asyncio.sleep(delay)
            delay = min(delay * 2, 5.0)
        await _url(settings)  # an embedded server that was killed starts again


async def _url(settings: Settings) -> str:
    if settings.database_url is not None:
        return settings.database_url.get_secret_value()
    # Only here: who has a PostgreSQL of their own does not need the wheel.
    from openhours.db import embedded  # noqa: PLC0415

    return await asyncio.to_thread(embedded.start, settings.data_dir)


async def keep_running(settings: Settings) -> None:
    """Start the embedded server again whenever it died, until cancelled."""
    from openhours.db import embedded  # noqa: PLC0415

    while True:
        await asyncio.sleep(1)
        if not await asyncio.to_thread(embedded.is_running, settings.data_dir):
            log.error("the embedded PostgreSQL has died; starting it again")
            try:
                await asyncio.to_thread(embedded.start, settings.data_dir)
            except Exception:
                log.exception("the embedded PostgreSQL did not start")
