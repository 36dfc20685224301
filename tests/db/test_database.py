"""Opening a database that goes away in the middle of it."""

import asyncio
import os
import signal

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from openhours.db import database, postmaster
from openhours.db.engine import migrate
from openhours.settings import Settings


def open_it(settings: Settings) -> None:
    """Open the database, and use it."""

    async def use() -> None:
        async with database.opened(settings) as (engine, _), engine.connect() as connection:
            assert await connection.scalar(text("SELECT count(*) FROM stores")) == 0

    asyncio.run(use())


def test_one_that_closes_the_connection_is_migrated_on_another(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    tries = 0

    async def closed_once(engine: AsyncEngine) -> None:
        nonlocal tries
        tries += 1
        if tries == 1:
            async with engine.connect() as connection:
                await connection.execute(text("SELECT pg_terminate_backend(pg_backend_pid())"))
        await migrate(engine)

    monkeypatch.setattr(database, "migrate", closed_once)
    open_it(settings)
    assert tries == 2
    assert "the database went away: connection was closed" in caplog.text


@pytest.mark.slow
def test_an_embedded_one_that_is_killed_is_started_again(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = settings.model_copy(update={"database_url": None})
    tries = 0

    async def killed_once(engine: AsyncEngine) -> None:
        nonlocal tries
        tries += 1
        if tries == 1:
            server = postmaster.live(own.data_dir / "postgresql")
            assert server is not None
            os.kill(server.pid, signal.SIGKILL)
            server.wait(10)
        await migrate(engine)

    monkeypatch.setattr(database, "migrate", killed_once)
    open_it(own)
    assert tries == 2
