"""What a report keeps of all its rows: reports of older versions get it by a migration."""

import numpy as np
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncEngine

from openhours.db.engine import raw_connection
from openhours.reports.tables import Report
from openhours.uptime.tallies import tallies
from openhours.uptime.totals import Figures
from tests.db.test_engine import move, run


def test_reports_of_an_older_version_get_their_tallies(database_url: str) -> None:
    figures = Figures(
        open=np.array([[10, 10, 10, 0, 10], [100, 100, 100, 100, 100]]),
        up=np.array([[10, 1, 0, 0, 0], [51, 50, 49, 100, 0]]),
        observed=np.array([[5, 4, 3, 0, 2], [50, 40, 30, 20, 10]]),
        corrected=np.zeros((2, 5), np.int64),
        known=np.array([True, True, True, True, False]),
    )
    rows = (
        "INSERT INTO report_rows (report, store, known, open, up, observed)"
        " SELECT r.id, s.id, $3, $4, $5, $6 FROM reports r, stores s"
        " WHERE r.report_id = $1 AND s.store_id = $2"
    )

    async def work(engine: AsyncEngine) -> None:
        async with engine.begin() as connection:
            await connection.run_sync(move, "0034")
            raw = await raw_connection(connection)
            for name, state in (("old", "complete"), ("empty", "complete"), ("new", "queued")):
                await raw.execute(
                    "INSERT INTO reports (report_id, state, as_of_beating, interpolation, windows,"
                    " lookback_days, heartbeat_expiry_seconds, observed_within_minutes,"
                    " default_timezone, calendar_timezone)"
                    " VALUES ($1, $2, now(), 'nearest', '[]', 14, 150, 60, 'UTC', 'UTC')",
                    name,
                    state,
                )
            for n in range(5):
                columns = [of[:, n].tolist() for of in (figures.open, figures.up, figures.observed)]
                for store_id, feed in ((f"s{n}", "polled"), (f"pc:{n}", "beating")):
                    await raw.execute(
                        "INSERT INTO stores (store_id, feed) VALUES ($1, $2)", store_id, feed
                    )
                    if feed == "polled" or n == 1:
                        await raw.execute(rows, "old", store_id, bool(figures.known[n]), *columns)
            await connection.run_sync(move, "head")
            query = select(Report.report_id, Report.tallies)
            found = {row.report_id: row.tallies for row in await connection.execute(query)}
        one = Figures(*(of[..., 1:2] for of in vars(figures).values()))
        assert found == {
            "old": {"polled": tallies(figures).tolist(), "beating": tallies(one).tolist()},
            "empty": {},
            "new": None,
        }

    run(database_url, work)
