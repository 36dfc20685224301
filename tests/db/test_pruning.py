"""Old rows go in parts, and nobody waits."""

import asyncio

import asyncpg
import pytest

from openhours.db import pruning
from openhours.db.engine import make_engine
from openhours.db.pruning import prune_rows


def test_rows_that_meet_the_condition_go_but_not_what_another_holds(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pruning, "_PAGES", 3)

    async def scenario() -> None:
        engine, raw = make_engine(database_url), await asyncpg.connect(database_url)
        await raw.execute(
            "CREATE TABLE old (n int); INSERT INTO old SELECT generate_series(1, 9999)"
        )
        async with raw.transaction():
            await raw.execute("SELECT FROM old WHERE n = 17 FOR UPDATE")
            assert await prune_rows(engine, "old", "n < :limit", limit=5000) == 4998
        assert await prune_rows(engine, "old", "n < :limit", limit=5000) == 1
        assert await raw.fetchval("SELECT count(*) FROM old") == 5000
        await raw.close()
        await engine.dispose()

    asyncio.run(scenario())
