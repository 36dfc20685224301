"""The commands that do a server's work without one: `ingest`, `report`, `db`.

They queue the same jobs as the HTTP service, and run a worker while they wait. Killed in the
middle, they leave the job to the next worker.
"""

import asyncio
from collections.abc import AsyncIterator, Coroutine, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, TypeVar

from rich.markup import escape
from sqlalchemy.ext.asyncio import AsyncEngine

from openhours.cli.results import (
    find_missing,
    print_failed,
    print_ingestions,
    print_outages,
    print_refused,
    print_report,
    progress_bar,
    whole_file,
)
from openhours.db import database
from openhours.db.engine import raw_connection
from openhours.errors import Invalid
from openhours.ingestion.advice import advice_of
from openhours.ingestion.csv.kinds import Kind
from openhours.ingestion.names import printable
from openhours.ingestion.queries import find_ingestion
from openhours.ingestion.schemas import ingestion_info
from openhours.ingestion.tables import Ingestion
from openhours.ingestion.write import add_ingestion
from openhours.process_pool import fork_server
from openhours.reports import executors
from openhours.reports.downloads import outage_table, report_table
from openhours.reports.formats import Format, written
from openhours.reports.group_tables import check_key, group_table
from openhours.reports.layouts import Layout
from openhours.reports.queries import find_report
from openhours.reports.schemas import report_info
from openhours.reports.tables import Report
from openhours.reports.trigger import trigger
from openhours.settings import Settings
from openhours.stores.labels import label_keys
from openhours.worker.jobs import Worker

_POLL_INTERVAL = 0.1

T = TypeVar("T")


def run(work: Coroutine[Any, Any, T]) -> T:
    """Run a command that needs a worker; its children are forked from what is loaded now."""
    fork_server()
    return asyncio.run(work)


async def migrate_only(settings: Settings) -> None:
    """Bring the schema to the newest version."""
    async with database.opened(settings):
        pass


async def ingest(
    settings: Settings, files: Sequence[Path], kind: Kind | None = None, uploaded: bool = False
) -> bool:
    """Load the files one after the other; whether none was refused.

    `kind`: of all of them; None: each tells its own. `uploaded`: they are ours, and removed when
    they are loaded.
    """
    if find_missing(files):
        return False
    async with _working(settings) as engine:
        ids = []
        for file in files:
            async with engine.begin() as connection:
                added = await add_ingestion(
                    connection,
                    settings,
                    file.resolve(),
                    name=printable(file.name),
                    kind=kind,
                    uploaded=uploaded,
                )
            ids.append(added.ingestion_id)
        done = [await _follow_ingestion(engine, one) for one in ids]
    return print_ingestions([_described(row) for row in done])


def _described(row: Ingestion) -> dict[str, Any]:
    advice = [one.model_dump() for one in advice_of(row)]
    return {**ingestion_info(row).model_dump(), "advice": advice}


async def _follow_ingestion(engine: AsyncEngine, ingestion_id: str) -> Ingestion:
    with progress_bar() as bar:
        task = bar.add_task("", total=1.0)
        while True:
            row = await find_ingestion(engine, ingestion_id)
            bar.update(task, description=escape(row.name), completed=row.progress)
            if row.state in ("complete", "failed"):
                return row
            await asyncio.sleep(_POLL_INTERVAL)


async def report(
    settings: Settings,
    out: Path | None,
    form: Format,
    layout: Layout,
    full: bool,
    outages_to: Path | None,
    group_by: str | None,
    **options: Any,
) -> bool:
    """Compute a report and write its rows or groups, and its outages; whether it was done.

    `options` are those of `reports.trigger`.
    """
    async with _working(settings) as engine:
        try:
            async with engine.begin() as connection:
                if group_by is not None:
                    check_key(await label_keys(await raw_connection(connection)), group_by)
                report_id = await trigger(
                    connection,
                    settings,
                    intervals=full,
                    outages=outages_to is not None,
                    **options,
                )
        except Invalid as error:
            print_refused(str(error))
            return False
        done = await _follow_report(engine, report_id)
        if done.state == "failed":
            print_failed(done.error or "")
            return False
        table = (
            report_table(engine, done, layout, full)
            if group_by is None
            else group_table(engine, done, group_by, full)
        )
        metadata = report_info(done, "").model_dump(mode="json")
        await _write(await written(table, form, settings.data_dir, metadata), out)
        if outages_to is not None:
            outages = outage_table(engine, done)
            await _write(await written(outages, form, settings.data_dir, metadata), outages_to)
    print_report(report_id, table.rows, "rows" if group_by is None else "groups", out)
    if outages_to is not None:
        print_outages(done.outage_count or 0, outages_to)
    return True


async def _follow_report(engine: AsyncEngine, report_id: str) -> Report:
    with progress_bar() as bar:
        task = bar.add_task("report", total=1.0)
        while True:
            row = await find_report(engine, report_id)
            bar.update(task, completed=row.progress)
            if row.state in ("complete", "failed"):
                return row
            await asyncio.sleep(_POLL_INTERVAL)


async def _write(chunks: AsyncIterator[bytes], out: Path | None) -> None:
    with whole_file(out) as file:
        async for chunk in chunks:
            file.write(chunk)


@asynccontextmanager
async def _working(settings: Settings) -> AsyncIterator[AsyncEngine]:
    """Yield an engine while a worker takes jobs."""
    executors.check(settings)
    database.check(settings)
    async with database.opened(settings) as (engine, url):
        worker = Worker(settings, url, schedules=False)
        running = asyncio.create_task(worker.run())
        try:
            yield engine
        finally:
            worker.stop()
            await running
