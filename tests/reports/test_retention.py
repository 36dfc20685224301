"""Reports go by count and by age."""

from datetime import timedelta

from sqlalchemy import insert, select
from sqlalchemy.ext.asyncio import AsyncEngine

from openhours.reports.retention import prune_reports
from openhours.reports.tables import Report, ReportOutages, ReportRow
from openhours.settings import Settings
from openhours.times import now
from openhours.uptime.windows import DEFAULT_WINDOWS
from tests.helpers.database import on_engine


async def make(engine: AsyncEngine, name: str, state: str, days: int) -> None:
    async with engine.begin() as connection:
        report_pk = await connection.scalar(
            insert(Report)
            .values(
                report_id=name,
                windows=[list(window) for window in DEFAULT_WINDOWS],
                calendar_timezone="UTC",
                state=state,
                as_of_beating=now(),
                interpolation="nearest",
                lookback_days=14,
                heartbeat_expiry_seconds=150,
                observed_within_minutes=60,
                default_timezone="UTC",
                created_at=now() - timedelta(days=days),
            )
            .returning(Report.id)
        )
        figures = {name: [0, 0, 0] for name in ("open", "up", "observed")}
        await connection.execute(
            insert(ReportRow).values(report=report_pk, store=1, known=True, **figures)
        )
        names = ("began_at", "ended_at", "began_earliest", "ended_latest")
        lists: dict[str, list[object]] = {name: [now()] for name in names}
        lists |= {"downtime": [0], "observations": [0], "ongoing": [False]}
        await connection.execute(insert(ReportOutages).values(report=report_pk, store=1, **lists))


async def left(engine: AsyncEngine) -> list[str]:
    async with engine.connect() as connection:
        found = await connection.scalars(
            select(Report.report_id)
            .join(ReportRow, ReportRow.report == Report.id)
            .order_by(Report.report_id)
        )
        names = list(found)
        for part in (ReportRow, ReportOutages):
            rows = await connection.scalars(select(part.report))
            assert len(rows.all()) == len(names), "rows without a report"
        return names


def test_reports_go_by_count_and_by_age_but_never_while_they_run(
    settings: Settings, database_url: str
) -> None:
    by_age = settings.model_copy(update={"keep_report_days": 40})
    by_count = settings.model_copy(update={"keep_reports": 2})

    async def scenario(engine: AsyncEngine) -> None:
        await make(engine, "new", "complete", 0)
        await make(engine, "running", "running", 400)
        await make(engine, "failed", "failed", 2)
        await make(engine, "month", "complete", 31)
        await make(engine, "year", "complete", 365)
        assert await prune_reports(engine, settings) == 0
        assert await prune_reports(engine, by_age) == 1
        assert await left(engine) == ["failed", "month", "new", "running"]
        assert await prune_reports(engine, by_count) == 1
        assert await left(engine) == ["failed", "new", "running"]

    on_engine(database_url, scenario)
