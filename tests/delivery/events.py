"""Reports and ingestions that end, and a sender of what is told of them."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
from sqlalchemy import RowMapping, text
from sqlalchemy.ext.asyncio import AsyncEngine

from openhours.delivery import sender
from openhours.ingestion.write import add_ingestion
from openhours.ingestion.write import fail as fail_ingestion
from openhours.reports.queries import find_report
from openhours.reports.trigger import trigger
from openhours.reports.write import begin_attempt, complete_report, fail_report
from openhours.settings import Settings
from openhours.stores.tables import POLLED
from tests.helpers.webhook_receiver import SECRET

AS_OF = datetime(2023, 1, 20, 12, 30, tzinfo=UTC)


def told_at(settings: Settings, url: str, **more: object) -> Settings:
    """The settings, with this webhook."""
    values = settings.model_dump() | {"webhook_url": url, "webhook_secret": SECRET} | more
    return Settings.model_validate(values)


async def complete_a_report(engine: AsyncEngine, settings: Settings) -> str:
    """Trigger and complete a report without rows; return its report_id."""
    report_id = await begin_a_report(engine, settings)
    report = await find_report(engine, report_id)
    async with engine.begin() as connection:
        by_hour = {POLLED: np.zeros((2, 168), np.int64)}
        assert await complete_report(connection, report, 0, 0, by_hour, {})
    return report_id


async def begin_a_report(engine: AsyncEngine, settings: Settings) -> str:
    """Trigger a report and begin to compute it."""
    async with engine.begin() as connection:
        report_id = await trigger(connection, settings, as_of=AS_OF)
        # A worker of the test would compute it, too.
        await connection.execute(text("DELETE FROM pgqueuer WHERE entrypoint = 'report'"))
    await begin_attempt(engine, (await find_report(engine, report_id)).id)
    return report_id


async def fail_a_report(engine: AsyncEngine, settings: Settings) -> str:
    """Trigger and fail a report."""
    report_id = await begin_a_report(engine, settings)
    await fail_report(engine, (await find_report(engine, report_id)).id, "for a test")
    return report_id


async def fail_an_ingestion(engine: AsyncEngine, settings: Settings) -> str:
    """Queue and fail an ingestion."""
    async with engine.begin() as connection:
        added = await add_ingestion(connection, settings, Path("/nowhere.csv"), name="nowhere.csv")
    await fail_ingestion(engine, added.pk, "for a test")
    return added.ingestion_id


@asynccontextmanager
async def sending(engine: AsyncEngine, settings: Settings) -> AsyncIterator[None]:
    """Send what is due, as a worker does."""
    task = asyncio.create_task(sender.send_due(engine, sender.make_carriers(engine, settings)))
    try:
        yield
    finally:
        task.cancel()


class Outbox:
    """The table of deliveries, behind the service's back."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine

    async def run(self, statement: str) -> None:
        """Run a statement."""
        async with self._engine.begin() as connection:
            await connection.execute(text(statement))

    async def make_due(self) -> None:
        """Let the time of the next try come."""
        await self.run("UPDATE deliveries SET next_at = now() WHERE state = 'waiting'")

    async def wait_failed(self, tries: int) -> RowMapping:
        """Return the only webhook, once so many tries have failed."""
        # While it is tried, the next try is that of another worker, a minute later.
        ended = f"tries = {tries} AND next_at - tried_at <> interval '1 minute'"
        return await self.wait("webhook", ended)

    async def wait(self, channel: str, condition: str) -> RowMapping:
        """Return the only delivery of the channel, once it meets the condition."""
        query = text(f"SELECT * FROM deliveries WHERE channel = '{channel}' AND {condition}")
        async with asyncio.timeout(20):
            while True:
                async with self._engine.connect() as connection:
                    found = (await connection.execute(query)).mappings().one_or_none()
                if found is not None:
                    return found
                await asyncio.sleep(0.01)
