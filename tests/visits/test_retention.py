"""Old visits go by whole weeks; how many there ever were is not forgotten."""

import asyncio
from datetime import timedelta

import asyncpg
import pytest

from openhours.db.engine import make_engine
from openhours.settings import Settings
from openhours.times import now
from openhours.visits import statistics
from openhours.visits.counts import count_visits
from openhours.visits.retention import prune_visits
from openhours.visits.tables import VISITS
from openhours.visits.write import NewVisit, write_visits
from tests.helpers.database import make_weeks

pytestmark = pytest.mark.slow


def test_old_weeks_go_and_the_count_goes_on(settings: Settings, database_url: str) -> None:
    async def scenario() -> None:
        engine, raw = make_engine(database_url), await asyncpg.connect(database_url)
        await make_weeks(raw, VISITS, now() - timedelta(days=500), now())
        await raw.execute(
            """
            INSERT INTO visits (visited_at, number, bots_before, bot, user_id, page_url)
            SELECT now() - (500 - n) * interval '1 day', n, 0, false, 'u', '/'
            FROM generate_series(1, 500) n;
            UPDATE visit_counter SET total = 500
            """
        )
        await count_visits(engine)
        assert 12 <= await prune_visits(engine, settings) <= 16
        assert 400 <= await raw.fetchval("SELECT count(*) FROM visits") <= 407
        await prune_visits(engine, settings.model_copy(update={"keep_visit_days": 100}))
        assert 100 <= await raw.fetchval("SELECT count(*) FROM visits") <= 107
        visit = NewVisit("u", "/", None, False, None, None)
        assert list(await write_visits(engine, [visit])) == [501]
        found = await statistics.totals(engine, timedelta(hours=36))
        assert (found.total, found.recent) == (501, 3)
        await count_visits(engine)
        await raw.execute("UPDATE visit_counter SET newest_at = newest_at + interval '30 days'")
        await prune_visits(engine, settings)
        assert await raw.fetchval("SELECT count(*) FROM visit_counts") == 0
        await raw.close()
        await engine.dispose()

    asyncio.run(scenario())
