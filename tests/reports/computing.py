"""Reports computed in this process, and asked for over the application's routes."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any, TypeVarTuple, cast

from fastapi import FastAPI
from fastapi.testclient import TestClient
from sqlalchemy import delete, event, insert, select
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.ext.asyncio import AsyncEngine

from openhours.api.dependencies import ENGINE
from openhours.db.engine import raw_connection
from openhours.db.weekly import week_of
from openhours.reports.executors import Computation, Executor, Found, Part
from openhours.reports.job import run_report
from openhours.reports.tables import Report
from openhours.settings import Settings
from openhours.stores.tables import (
    OBSERVATIONS,
    POLLED,
    BusinessHours,
    FeedClock,
    Label,
    Observation,
    Store,
)
from openhours.stores.write import lock_store
from openhours.times import HOUR, to_us
from tests.helpers.clients import running

Arguments = TypeVarTuple("Arguments")


class InThisProcess:
    """Computes partitions on threads of this process."""

    parallelism = 1

    def __init__(self, url: str) -> None:
        self.url = url

    async def compute(self, function: Computation[Part, Found], part: Part) -> Found:
        return await asyncio.to_thread(function, self.url, part)


class Reports:
    """The application, without a worker: this computes its reports."""

    def __init__(self, client: TestClient, url: str) -> None:
        self.client = client
        self.url = url

    def store(
        self, store_id: str, polls: Sequence[str], zone: str | None = "UTC", *, hours: str = ""
    ) -> None:
        """Add a store with polls, `2023-01-20 15:30 active`; `hours`: 9-17, each day."""
        self._run(_add_store, store_id, [_poll(poll) for poll in polls], zone, hours)

    def label(self, store_id: str, **labels: str) -> None:
        """Set labels of a store; an empty one is taken away."""
        self._run(_label, store_id, labels)

    def trigger(self, **options: object) -> str:
        """Trigger a report."""
        answer = self.client.post("/trigger_report", json=options or None)
        assert answer.status_code == 200, answer.text
        return str(answer.json()["report_id"])

    def compute(self, report_id: str, executor: type[InThisProcess] = InThisProcess) -> None:
        """Compute a report as a worker does, in one attempt."""
        self._run(_compute, report_id, executor(self.url))

    def report(self, **options: object) -> str:
        """Trigger a report and compute it."""
        report_id = self.trigger(**options)
        self.compute(report_id)
        return report_id

    def info(self, report_id: str) -> dict[str, Any]:
        """The description of a report."""
        accepts = {"Accept": "application/json"}
        found: dict[str, Any] = self.client.get(f"/get_report/{report_id}", headers=accepts).json()
        return found

    def csv(self, report_id: str, **params: str) -> list[str]:
        """The lines of a report."""
        answer = self.client.get(f"/get_report/{report_id}", params=params)
        assert answer.status_code == 200, answer.text
        assert answer.headers["X-Report-Status"] == "Complete", answer.text
        return list(answer.text.splitlines())

    @contextmanager
    def statements(self) -> Iterator[list[str]]:
        """Collect what the application asks its database by SQLAlchemy."""
        engine = ENGINE.of(cast("FastAPI", self.client.app)).sync_engine
        asked: list[str] = []

        def note(*arguments: Any) -> None:
            asked.append(arguments[2])

        event.listen(engine, "before_cursor_execute", note)
        try:
            yield asked
        finally:
            event.remove(engine, "before_cursor_execute", note)

    def _run(
        self, work: Callable[[AsyncEngine, *Arguments], Awaitable[None]], *arguments: *Arguments
    ) -> None:
        assert self.client.portal is not None
        engine = ENGINE.of(cast("FastAPI", self.client.app))
        self.client.portal.call(work, engine, *arguments)


@contextmanager
def reporting(settings: Settings) -> Iterator[Reports]:
    """The application on the database of the settings."""
    assert settings.database_url is not None
    with running(settings) as client:
        yield Reports(client, settings.database_url.get_secret_value())


def _poll(text: str) -> tuple[datetime, bool]:
    at, status = text.rsplit(" ", 1)
    return datetime.fromisoformat(at).replace(tzinfo=UTC), status == "active"


async def _add_store(
    engine: AsyncEngine,
    store_id: str,
    polls: Sequence[tuple[datetime, bool]],
    zone: str | None,
    hours: str,
) -> None:
    async with engine.begin() as connection:
        raw = await raw_connection(connection)
        for at, _ in polls:
            await OBSERVATIONS.ensure(raw, week_of(to_us(at)))
        first = min((at for at, _ in polls), default=None)
        store = await connection.scalar(
            insert(Store)
            .values(store_id=store_id, timezone=zone, feed=POLLED, first_observed_at=first)
            .returning(Store.id)
        )
        if hours:
            opens, closes = (int(hour) * HOUR for hour in hours.split("-"))
            week = [
                {"store": store, "day": day, "opens": opens, "closes": closes} for day in range(7)
            ]
            await connection.execute(insert(BusinessHours), week)
        rows = [{"store": store, "observed_at": at, "active": active} for at, active in polls]
        await connection.execute(insert(Observation), rows)
        newest = upsert(FeedClock).values(feed=POLLED, newest_at=max(at for at, _ in polls))
        later = newest.excluded.newest_at
        await connection.execute(
            newest.on_conflict_do_update(
                index_elements=["feed"],
                set_={"newest_at": later},
                where=FeedClock.newest_at < later,
            )
        )


async def _label(engine: AsyncEngine, store_id: str, labels: dict[str, str]) -> None:
    async with engine.begin() as connection:
        store = await lock_store(await raw_connection(connection), store_id)
        await connection.execute(
            delete(Label).where(Label.store == store, Label.key.in_(labels.keys()))
        )
        rows = [{"store": store, "key": key, "value": labels[key]} for key in labels if labels[key]]
        if rows:
            await connection.execute(insert(Label), rows)


async def _compute(engine: AsyncEngine, report_id: str, executor: Executor) -> None:
    async with engine.connect() as connection:
        report_pk = await connection.scalar(select(Report.id).where(Report.report_id == report_id))
    assert report_pk is not None
    await run_report(engine, executor, report_pk)
