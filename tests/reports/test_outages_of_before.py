"""Reports of earlier versions kept a row for each outage, not for each store."""

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from openhours.db.engine import migrate
from tests.helpers.database import downgrade, fetch
from tests.reports.computing import Reports
from tests.reports.database import on_engine
from tests.reports.test_outages import lines, reports, stores

__all__ = ["reports"]

pytestmark = pytest.mark.slow


def test_the_outages_of_a_report_survive_the_update(reports: Reports, database_url: str) -> None:
    stores(reports)
    report_id = reports.report(outages=True)
    found = lines(reports, report_id)

    async def back(engine: AsyncEngine) -> None:
        await downgrade(engine, "0030")

    on_engine(database_url, back)
    rows = "SELECT count(*), count(DISTINCT store) FROM report_outages"
    assert fetch(database_url, rows) == [(len(found) - 1, 1)]
    on_engine(database_url, migrate)
    assert lines(reports, report_id) == found
