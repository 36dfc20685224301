"""New databases, cloned from one that has been migrated."""

import asyncio
import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial

import asyncpg
from anyio.from_thread import BlockingPortal
from sqlalchemy.engine import make_url

from openhours.db.engine import make_engine, migrate

_TEMPLATE = "openhours_template"
# Executes a statement on the server with this URL, on one connection: to connect takes a third of
# the time in which a database is made.
_administrators: dict[str, Callable[[str], object]] = {}


@contextmanager
def template(server_url: str, portal: BlockingPortal, *, durable: bool) -> Iterator[None]:
    """Let databases be made on the server meanwhile; without `durable` a crash may lose them."""
    connection = portal.call(asyncpg.connect, server_url)
    execute = _administrators[server_url] = partial(portal.call, connection.execute)
    if not durable:
        execute("ALTER SYSTEM SET fsync = off")
        execute("SELECT pg_reload_conf()")
    execute(f"CREATE DATABASE {_TEMPLATE}")
    asyncio.run(_migrate(_of(server_url, _TEMPLATE)))
    yield
    portal.call(connection.close)


@contextmanager
def new_database(server_url: str) -> Iterator[str]:
    """The URL of a new database, while it is used."""
    url = make_database(server_url)
    yield url
    drop_database(server_url, url)


def make_database(server_url: str) -> str:
    """Return the URL of a new database."""
    name = f"test_{secrets.token_hex(6)}"
    # A copy of the template's files takes less than half of a copy through the log.
    _administrators[server_url](f"CREATE DATABASE {name} TEMPLATE {_TEMPLATE} STRATEGY file_copy")
    return _of(server_url, name)


def drop_database(server_url: str, url: str) -> None:
    """Remove a database that was made so."""
    _administrators[server_url](f"DROP DATABASE {make_url(url).database} WITH (FORCE)")


def _of(url: str, database: str) -> str:
    return make_url(url).set(database=database).render_as_string(hide_password=False)


async def _migrate(url: str) -> None:
    engine = make_engine(url)
    await migrate(engine)
    await engine.dispose()
