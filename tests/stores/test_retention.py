"""Observations go by whole weeks."""

import asyncio
from datetime import timedelta

import asyncpg
import pytest
from pydantic import ValidationError

from openhours.db.engine import make_engine
from openhours.db.weekly import week_of
from openhours.settings import Settings
from openhours.stores.retention import prune_observations
from openhours.stores.tables import OBSERVATIONS
from openhours.times import now, to_us
from tests.helpers.database import fetch


def test_whole_weeks_that_ended_before_the_limit_go(settings: Settings, database_url: str) -> None:
    present = to_us(now())
    for days in (0, 20, 40, 60):
        week = week_of(present - days * 86_400_000_000)
        name = OBSERVATIONS.name_of(week)
        start = (now() - timedelta(days=days)).isoformat()
        fetch(database_url, f"CREATE TABLE {name} (LIKE observations)")
        asyncio.run(_attach(database_url, week))
        fetch(database_url, f"INSERT INTO observations VALUES (1, '{start}', true)")
    limits = settings.model_copy(update={"keep_days": 30})
    assert asyncio.run(_run(database_url, prune_observations, settings)) == 0
    assert asyncio.run(_run(database_url, prune_observations, limits)) == 2
    assert fetch(database_url, "SELECT count(*) FROM observations") == [(2,)]


async def _attach(url: str, week: int) -> None:
    connection = await asyncpg.connect(url)
    await OBSERVATIONS.attach(connection, week)
    await connection.close()


async def _run(url: str, function: object, settings: Settings) -> int:
    engine = make_engine(url)
    assert callable(function)
    result: int = await function(engine, settings)
    await engine.dispose()
    return result


def test_less_than_a_report_needs_cannot_be_kept() -> None:
    with pytest.raises(ValidationError, match="OPENHOURS_KEEP_DAYS=7 is shorter"):
        Settings(keep_days=7)
