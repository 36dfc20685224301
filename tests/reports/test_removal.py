"""`DELETE /reports/{id}` cancels a report that is not complete and removes one that is."""

import asyncio

import asyncpg
import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from openhours.process_pool import Processes
from openhours.reports import job
from openhours.reports.executors import Computation, Executor, Found, LocalExecutor, Part
from openhours.reports.queries import find_report
from openhours.reports.retention import remove_report
from openhours.reports.trigger import trigger
from openhours.settings import Settings
from tests.helpers.clients import bearer, make_keys, running
from tests.helpers.database import fetch, on_engine
from tests.helpers.seed import week_of_polls
from tests.helpers.waiting import until


class Slow(Executor):
    """Computes one partition after the other in this process; `on_first` is called after one."""

    parallelism = 1

    def __init__(self, url: str) -> None:
        self.url = url
        self.computed = 0
        self.first = asyncio.Event()
        self.go_on = asyncio.Event()
        self._turn = asyncio.Lock()

    async def compute(self, function: Computation[Part, Found], part: Part) -> Found:
        async with self._turn:
            if self.computed:
                await self.go_on.wait()
            found = await asyncio.to_thread(function, self.url, part)
            self.computed += 1
            self.first.set()
            return found


@pytest.fixture
def many_partitions(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("openhours.reports.plan.stores_a_partition", lambda *_: 2)


@pytest.mark.usefixtures("many_partitions")
@pytest.mark.parametrize("intervals", [False, True])
def test_a_running_report_that_is_removed_computes_no_more(
    settings: Settings, database_url: str, intervals: bool
) -> None:
    for statement in week_of_polls(20, 3, "1 hour", "true"):
        fetch(database_url, statement)
    fetch(database_url, "INSERT INTO feed_clocks VALUES ('polled', '2023-01-17')")
    with running(settings) as client:
        asked = {"intervals": intervals}
        report_id = client.post("/trigger_report", json=asked).json()["report_id"]

        async def scenario(engine: AsyncEngine) -> int:
            report = await find_report(engine, report_id)
            executor = Slow(database_url)
            run = asyncio.create_task(job.run_report(engine, executor, report.id))
            await executor.first.wait()
            answer = await asyncio.to_thread(client.delete, f"/reports/{report_id}")
            assert answer.status_code == 204
            await run  # though the executor does not go on
            return executor.computed

        computed = on_engine(database_url, scenario)
        assert computed == 1
        assert client.get(f"/get_report/{report_id}").status_code == 404
        assert client.delete(f"/reports/{report_id}").status_code == 404
    assert fetch(database_url, "SELECT count(*) FROM report_rows") == [(0,)]


def test_the_children_that_compute_a_report_that_is_removed_are_ended(
    settings: Settings, database_url: str
) -> None:
    for statement in week_of_polls(600, 3, "1 hour", "true"):
        fetch(database_url, statement)
    fetch(database_url, "INSERT INTO feed_clocks VALUES ('polled', '2023-01-17')")
    waiting = "SELECT pid FROM pg_locks WHERE NOT granted AND relation = 'business_hours'::regclass"

    async def scenario(engine: AsyncEngine) -> None:
        holder = await asyncpg.connect(database_url)
        transaction = holder.transaction()
        await transaction.start()
        await holder.execute("LOCK business_hours")  # so they never end by themselves
        async with engine.begin() as connection:
            report_id = await trigger(connection, settings)
        report = await find_report(engine, report_id)
        processes = Processes(2)
        run = asyncio.create_task(
            job.run_report(engine, LocalExecutor(processes, database_url), report.id)
        )

        async def wait(count: int) -> None:
            async def counted() -> bool:
                return len(await holder.fetch(waiting)) == count

            await until(counted)

        await wait(2)
        await remove_report(engine, report_id, who="joe", where="here")
        await run
        await wait(0)
        await transaction.rollback()
        processes.close()

    on_engine(database_url, scenario)


def test_a_queued_one_is_never_computed(settings: Settings, database_url: str) -> None:
    with running(settings) as client:
        report_id = client.post("/trigger_report").json()["report_id"]

        async def scenario(engine: AsyncEngine) -> None:
            report = await find_report(engine, report_id)
            assert (await asyncio.to_thread(client.delete, f"/reports/{report_id}")).is_success
            await job.run_report(engine, Slow(database_url), report.id)

        on_engine(database_url, scenario)
        assert client.get(f"/get_report/{report_id}").status_code == 404


def test_a_complete_one_goes_with_its_rows_and_the_log_says_who_did_it(
    settings: Settings, database_url: str, audit_lines: list[str]
) -> None:
    for statement in week_of_polls(3, 3, "1 hour", "true"):
        fetch(database_url, statement)
    fetch(database_url, "INSERT INTO feed_clocks VALUES ('polled', '2023-01-17')")
    reader, loader = make_keys(settings, [["report"], ["ingest"]])
    with running(settings) as client:
        headers = bearer(reader)
        report_id = client.post("/trigger_report", headers=headers).json()["report_id"]

        async def compute(engine: AsyncEngine) -> None:
            executor = Slow(database_url)
            executor.go_on.set()
            await job.run_report(engine, executor, (await find_report(engine, report_id)).id)

        on_engine(database_url, compute)
        assert fetch(database_url, "SELECT count(*) FROM report_rows") == [(3,)]
        path = f"/reports/{report_id}"
        assert client.delete(path, headers=bearer(loader)).status_code == 403
        assert client.delete(path, headers=headers).status_code == 204
        assert client.get(f"/get_report/{report_id}", headers=headers).status_code == 404
    assert fetch(database_url, "SELECT count(*) FROM report_rows") == [(0,)]
    assert f'remove report {report_id} who="report" from="127.0.0.1" outcome="ok"' in audit_lines
