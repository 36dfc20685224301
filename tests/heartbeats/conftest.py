"""One server for all tests of a file that need no more than one."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import asyncpg
import pytest
from sqlalchemy.engine import make_url

from tests.service import Service


@pytest.fixture(scope="module")
def service(server_url: str, folder: Path) -> Iterator[Service]:
    """A server without worker on a database of its own; each test has its own PCs."""
    place = folder / "heartbeats"
    place.mkdir()
    url = asyncio.run(_database(server_url, place.name))
    with Service(
        place,
        DATABASE_URL=url,
        OPENHOURS_DATA_DIR=str(place),
        OPENHOURS_INBOX=str(place),
        OPENHOURS_WORKER="0",
    ) as running:
        yield running


async def _database(server_url: str, name: str) -> str:
    connection = await asyncpg.connect(server_url)
    await connection.execute(f"CREATE DATABASE {name} TEMPLATE openhours_template")
    await connection.close()
    return make_url(server_url).set(database=name).render_as_string(hide_password=False)
