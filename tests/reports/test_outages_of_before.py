"""Reports of earlier versions kept a row for each outage, not for each store."""

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from openhours.db.engine import migrate
from tests.helpers.database import downgrade, fetch, on_engine
from tests.reports.computing import Reports
from tests.reports.some_outages import lines, stores

pytestmark = pytest.mark.slow


def test_the_outages_of_a_report_survive_the_update(reports: Reports, database_url: str) -> None:
    stores(reports)
    reports.store("other", ["2023-01-20 15:00 active", "2023-01-20 15:30 inactive"])
    each = [reports.report(outages=True) for _ in "ab"]
    found = [lines(reports, report_id) for report_id in each]

    async def back(engine: AsyncEngine) -> None:
        await downgrade(engine, "0030")

    on_engine(database_url, back)
    rows = "SELECT count(*), count(DISTINCT store), count(DISTINCT report) FROM report_outages"
    assert fetch(database_url, rows) == [(2 * (len(found[0]) - 1), 2, 2)]
    on_engine(database_url, migrate)
    assert [lines(reports, report_id) for report_id in each] == found
