"""A real PostgreSQL for the whole run; each test has a database cloned from a template."""

import asyncio
import atexit
import os
import secrets
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import asyncpg
import pytest
from sqlalchemy.engine import make_url

from openhours.db import embedded
from openhours.db.engine import make_engine, migrate
from openhours.settings import Settings, get_settings

TEMPLATE = "openhours_template"


@pytest.fixture(scope="session")
def folder() -> Path:
    """A folder for what outlives a test; as root, the database's user must be able to enter it."""
    path = Path(tempfile.mkdtemp(prefix="openhours-tests-", dir="/tmp"))
    path.chmod(0o755)
    # At exit, after the server, which stops at exit, too: the last to be registered is the first.
    atexit.register(shutil.rmtree, path, ignore_errors=True)
    return path


@pytest.fixture(scope="session")
def server_url(folder: Path) -> str:
    """The URL of a PostgreSQL server that is stopped when the run ends."""
    url = embedded.start(folder)
    asyncio.run(_execute(url, f"CREATE DATABASE {TEMPLATE}"))
    asyncio.run(_migrate(_of(url, TEMPLATE)))
    return url


@contextmanager
def new_database(server_url: str) -> Iterator[str]:
    """The URL of a new database, while it is used."""
    name = f"test_{secrets.token_hex(6)}"
    asyncio.run(_execute(server_url, f"CREATE DATABASE {name} TEMPLATE {TEMPLATE}"))
    yield _of(server_url, name)
    asyncio.run(_execute(server_url, f"DROP DATABASE {name} WITH (FORCE)"))


@pytest.fixture
def database_url(server_url: str) -> Iterator[str]:
    """The URL of this test's own database."""
    with new_database(server_url) as url:
        yield url


@pytest.fixture
def place(folder: Path) -> Path:
    """An empty folder of this test's own, which the database's user may enter."""
    path = folder / secrets.token_hex(6)
    path.mkdir()
    return path


@pytest.fixture
def settings(database_url: str, place: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Settings]:
    """Settings of this test's own database and folders, for the processes it starts, too."""
    for name in os.environ:
        if name.startswith("OPENHOURS_") or name in ("DATABASE_URL", "DB_URL"):
            monkeypatch.delenv(name)
    (place / "inbox").mkdir()
    monkeypatch.chdir(place)  # no .env of the developer's
    monkeypatch.setenv("DATABASE_URL", database_url)
    monkeypatch.setenv("OPENHOURS_DATA_DIR", str(place / "home"))
    monkeypatch.setenv("OPENHOURS_INBOX", str(place / "inbox"))
    get_settings.cache_clear()
    yield get_settings()
    get_settings.cache_clear()


def _of(url: str, database: str) -> str:
    return make_url(url).set(database=database).render_as_string(hide_password=False)


async def _execute(url: str, statement: str) -> None:
    connection = await asyncpg.connect(url)
    await connection.execute(statement)
    await connection.close()


async def _migrate(url: str) -> None:
    engine = make_engine(url)
    await migrate(engine)
    await engine.dispose()
