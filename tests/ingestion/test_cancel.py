"""An ingestion that is cancelled, or takes too long, is stopped and loads nothing."""

import asyncio
import gzip
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path

import asyncpg
import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from openhours.errors import Conflict, NotFound
from openhours.ingestion.ingest import LOCK
from openhours.ingestion.job import run_ingestion
from openhours.ingestion.queries import loading_seconds
from openhours.ingestion.write import cancel
from openhours.process_pool import Processes
from tests.helpers.waiting import until
from tests.ingestion.loader import Loader

pytestmark = pytest.mark.slow

POLLS = "store_id,timestamp_utc,status\n1,2023-01-01 01:00:00 UTC,active\n"
PATIENCE = 120  # seconds, after which a test fails instead of waiting for ever


@pytest.fixture
def loader(loader: Loader) -> Iterator[Loader]:
    # Its child is killed here, and so that of no other test.
    loader.processes = Processes(1)
    yield loader
    loader.processes.close()


@pytest.fixture
def large(loader: Loader) -> Path:
    """A file of minutes: its bad rows are read one by one."""
    path = loader.place / "large.csv.gz"
    path.write_bytes(gzip.compress(POLLS.encode() + b'x"x,never,active\n' * 15_000_000, 1))
    return path


def run(loader: Loader, pk: int, meanwhile: Callable[[AsyncEngine], Awaitable[None]]) -> None:
    """Run an ingestion, and something meanwhile; return when both have ended."""

    async def work(engine: AsyncEngine) -> None:
        async with asyncio.timeout(PATIENCE), asyncio.TaskGroup() as tasks:
            job = run_ingestion(engine, loader.processes, loader.url, loader.settings, pk)
            tasks.create_task(job)
            await meanwhile(engine)

    loader.with_engine(work)


def fetch(loader: Loader, pk: int) -> asyncpg.Record:
    [row] = loader.fetch(f"SELECT * FROM ingestions WHERE id = {pk}")
    return row


def test_one_that_runs_is_stopped_and_the_next_file_is_loaded(loader: Loader, large: Path) -> None:
    added = loader.add(large, uploaded=True)

    async def cancel_it(engine: AsyncEngine) -> None:
        async with engine.connect() as connection:

            async def reads() -> bool:
                query = f"SELECT progress > 0 FROM ingestions WHERE id = {added.pk}"
                found = await connection.exec_driver_sql(query)
                return bool(found.scalar_one())

            await until(reads)
        await cancel(engine, added.ingestion_id, "zoe")

    run(loader, added.pk, cancel_it)
    row = fetch(loader, added.pk)
    assert (row["state"], row["error"], row["rows"]) == ("failed", "cancelled by zoe", None)
    assert row["finished_at"] is not None
    assert not large.exists(), "an upload goes when its ingestion has ended"
    assert loader.rejected(added.pk) == []
    assert loader.fetch("SELECT FROM stores") == []
    assert loader.load(POLLS) == (1, 1, 0, 0)


def test_one_that_waits_for_another_machine_leaves_the_line_and_the_time_does_not_count(
    loader: Loader,
) -> None:
    path = loader.place / "polls.csv"
    path.write_text(POLLS)
    added = loader.add(path)
    waiting = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"

    async def cancel_it(engine: AsyncEngine) -> None:
        holder = await asyncpg.connect(loader.url)
        await holder.execute("SELECT pg_advisory_lock($1)", LOCK)

        async def count(expected: int) -> None:
            async def counted() -> bool:
                return bool(await holder.fetchval(waiting) == expected)

            await until(counted)

        await count(1)
        assert await loading_seconds(engine, added.pk, 1) == 0
        await cancel(engine, added.ingestion_id, "zoe")
        # While the lock is held: nobody else could wake it.
        await count(0)
        await holder.close()

    run(loader, added.pk, cancel_it)
    assert fetch(loader, added.pk)["error"] == "cancelled by zoe"
    assert loader.load(POLLS) == (1, 1, 0, 0)


def test_one_that_has_just_committed_is_not_taken_for_cancelled(loader: Loader) -> None:
    path = loader.place / "polls.csv"
    path.write_text(POLLS)
    added = loader.add(path)

    async def loading(engine: AsyncEngine) -> float | None:
        await run_ingestion(engine, loader.processes, loader.url, loader.settings, added.pk)
        return await loading_seconds(engine, added.pk, 1)

    assert loader.with_engine(loading) is not None
    assert fetch(loader, added.pk)["state"] == "complete"


def test_one_that_waited_loads_its_file_when_it_is_its_turn(loader: Loader) -> None:
    path = loader.place / "polls.csv"
    path.write_text(POLLS)
    added = loader.add(path)

    async def wait(engine: AsyncEngine) -> None:
        holder = await asyncpg.connect(loader.url)
        await holder.execute("SELECT pg_advisory_lock($1)", LOCK)

        async def waits() -> bool:
            query = "SELECT state = 'running' AND started_at IS NULL FROM ingestions WHERE id = $1"
            return bool(await holder.fetchval(query, added.pk))

        await until(waits)
        await holder.close()

    run(loader, added.pk, wait)
    row = fetch(loader, added.pk)
    assert row["state"] == "complete"
    assert row["created_at"] < row["started_at"] <= row["finished_at"]


def test_one_that_takes_too_long_fails_for_good(loader: Loader, large: Path) -> None:
    loader.settings = loader.settings.model_copy(update={"ingestion_timeout_seconds": 0.5})
    pk = loader.add(large).pk
    row = loader.run(pk)
    assert (row["state"], row["error"]) == (
        "failed",
        "it took longer than 0.5 seconds to load (OPENHOURS_INGESTION_TIMEOUT_SECONDS)",
    )
    assert loader.fetch("SELECT FROM stores") == []
    assert loader.run(pk) == row
    loader.settings = loader.settings.model_copy(update={"ingestion_timeout_seconds": 3600})
    assert loader.load(POLLS) == (1, 1, 0, 0)


def test_one_that_is_queued_is_never_begun_and_one_that_ended_stays_as_it_is(
    loader: Loader,
) -> None:
    path = loader.place / "polls.csv"
    path.write_text(POLLS)
    queued, complete = loader.add(path), loader.add(path)
    loader.with_engine(lambda engine: cancel(engine, queued.ingestion_id, "zoe"))
    loader.with_engine(lambda engine: cancel(engine, queued.ingestion_id, "ann"))
    row = loader.run(queued.pk)
    assert (row["state"], row["error"], row["attempt"]) == ("failed", "cancelled by zoe", 0)
    assert loader.stored() == set()
    loaded = loader.run(complete.pk)
    with pytest.raises(Conflict, match="loaded already"):
        loader.with_engine(lambda engine: cancel(engine, complete.ingestion_id, "zoe"))
    assert fetch(loader, complete.pk) == loaded
    with pytest.raises(NotFound):
        loader.with_engine(lambda engine: cancel(engine, "nothing", "zoe"))
