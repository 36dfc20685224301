"""Uploads in an object store: any machine of a group loads them, also if the first one is gone."""

import asyncio
import time
from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from typing import cast

import asyncpg
import obstore
import psutil
import pytest
from obstore.store import S3Store
from sqlalchemy.ext.asyncio import AsyncEngine
from tools.service import Service, workers_of

from openhours import objects
from openhours.delivery.checks import check
from openhours.errors import SettingsError, Unavailable
from openhours.ingestion import uploads
from openhours.ingestion.advice import DefaultZone
from openhours.ingestion.csv.reasons import FileRefused
from openhours.ingestion.ingest import LOCK, ingest_file
from openhours.ingestion.job import MAX_ATTEMPTS, run_ingestion
from openhours.ingestion.machine import ingest_job
from openhours.ingestion.sample import queue_sample
from openhours.ingestion.write import Attempt
from openhours.objects import S3Folder, StoreFailed
from openhours.process_pool import Processes
from openhours.settings import Settings
from tests.helpers.clients import running
from tests.helpers.database import fetch, on_engine
from tests.helpers.waiting import wait_for

POLLS = b"store_id,timestamp_utc,status\n1,2023-01-22 12:00:00 UTC,active\n"
JOBS = "SELECT entrypoint FROM pgqueuer WHERE status = 'queued'"


@pytest.fixture
def sharing(settings: Settings, bucket: S3Store, place: Path) -> Settings:
    del bucket
    return settings.model_copy(update={"uploads": S3Folder(f"s3://{place.name}/uploads")})


def stored(bucket: S3Store) -> list[str]:
    return [one["path"] for one in obstore.list(bucket, "uploads").collect()]


def left_here(settings: Settings) -> list[Path]:
    return list(uploads.folder_of(settings).glob("*"))


def test_a_file_is_in_the_store_before_the_answer_and_its_job_is_everybodys(
    sharing: Settings, bucket: S3Store, database_url: str
) -> None:
    with running(sharing) as client:
        answer = client.post("/ingest/status", content=POLLS)
        assert answer.status_code == 202
    [path] = stored(bucket)
    assert obstore.get(bucket, path).bytes() == POLLS
    assert left_here(sharing) == []
    assert fetch(database_url, JOBS) == [("ingest",)]
    [(address,)] = fetch(database_url, "SELECT path FROM ingestions")
    assert address == f"{sharing.uploads}/{path.rpartition('/')[2]}"


def test_a_file_that_is_sent_again_with_its_key_leaves_no_second_object(
    sharing: Settings, bucket: S3Store
) -> None:
    with running(sharing) as client:
        key = {"Idempotency-Key": "monday"}
        first, again = (client.post("/ingest", content=POLLS, headers=key) for _ in range(2))
    assert first.json() == again.json()
    assert len(stored(bucket)) == 1


@pytest.mark.slow  # the store is tried for a second
@pytest.mark.parametrize("endpoint", ["that of the bucket", "http://127.0.0.1:9"])
def test_a_store_that_refuses_or_is_away_is_said_and_nothing_is_left(
    sharing: Settings, database_url: str, endpoint: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    wrong = sharing.model_copy(update={"uploads": S3Folder("s3://no-such-bucket-anywhere/uploads")})
    if endpoint.startswith("http"):
        monkeypatch.setenv("AWS_ENDPOINT_URL", endpoint)
        monkeypatch.setattr(objects, "_SOON", timedelta(seconds=1))
        objects._store.cache_clear()
    with running(wrong) as client:
        answer = client.post("/ingest/status", content=POLLS)
    assert answer.status_code == 503
    detail = "the object store for uploads does not take the file: try again"
    assert answer.json()["detail"] == detail
    assert "Retry-After" in answer.headers
    assert left_here(wrong) == []
    assert fetch(database_url, "SELECT FROM ingestions") == []


@pytest.mark.parametrize("failure", [StoreFailed("it is away"), SettingsError("no package")])
def test_an_upload_waits_as_long_as_its_object_cannot_be_had(
    sharing: Settings, bucket: S3Store, database_url: str, failure: Exception
) -> None:
    with running(sharing) as client:
        client.post("/ingest/status", content=POLLS)

    class Here:
        """Instead of a child process, whose environment is older than this test's."""

        def __init__(self, failure: Exception | None = None) -> None:
            self._failure = failure

        async def run(self, function: Callable[..., None], *arguments: object) -> None:
            if self._failure is not None:
                raise self._failure
            await asyncio.to_thread(function, *arguments)

    async def load(engine: AsyncEngine) -> None:
        [(pk,)] = await asyncio.to_thread(fetch, database_url, "SELECT id FROM ingestions")
        assert isinstance(pk, int)
        away, there = (cast("Processes", Here(one)) for one in (failure, None))
        for _ in range(MAX_ATTEMPTS + 1):
            with pytest.raises(Unavailable, match=str(failure)):
                await run_ingestion(engine, away, database_url, sharing, pk)
        assert len(stored(bucket)) == 1
        await run_ingestion(engine, there, database_url, sharing, pk)

    on_engine(database_url, load)
    query = "SELECT state, attempt, loaded FROM ingestions"
    assert fetch(database_url, query) == [("complete", 1, 1)]
    assert stored(bucket) == []


def test_an_object_that_is_gone_is_a_file_that_is_refused(
    sharing: Settings, bucket: S3Store, database_url: str
) -> None:
    with running(sharing) as client:
        client.post("/ingest/status", content=POLLS)
    obstore.delete(bucket, stored(bucket))
    [(path,)] = fetch(database_url, "SELECT path FROM ingestions")
    attempt = Attempt(1, 1, str(path), "polls.csv", "status", uploaded=True)
    zone = DefaultZone("UTC", is_set=False)
    with pytest.raises(FileRefused, match="there is no such object or bucket"):
        ingest_file(database_url, sharing.data_dir, 1 << 20, zone, attempt)


def test_the_sample_is_everybody_s_too(
    sharing: Settings, bucket: S3Store, database_url: str
) -> None:
    on_engine(database_url, lambda engine: queue_sample(engine, sharing))
    assert len(stored(bucket)) == 4
    assert left_here(sharing) == []
    assert set(fetch(database_url, JOBS)) == {("ingest",)}


def test_an_inbox_in_a_bucket_stays_its_machine_s(sharing: Settings) -> None:
    address = "s3://acme-polls/hourly/a.csv"
    assert ingest_job(sharing, address, uploaded=False).startswith("ingest@")
    assert ingest_job(sharing, address, uploaded=True) == "ingest"


def test_the_folder_is_neither_the_inbox_nor_the_outbox(sharing: Settings) -> None:
    for name in ("inbox", "outbox"):
        same = sharing.model_copy(update={name: sharing.uploads})
        with pytest.raises(SettingsError, match="OPENHOURS_UPLOADS needs a folder of its own"):
            check(same)


def test_an_object_that_nobody_awaits_goes_after_an_hour(
    sharing: Settings, bucket: S3Store, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with running(sharing) as client:
        client.post("/ingest/status", content=POLLS)
    awaited = stored(bucket)
    broken, other = f"uploads/{'0' * 32}", "uploads/report.csv"
    for path in (broken, other):
        obstore.put(bucket, path, POLLS[:20])

    def clean() -> None:
        on_engine(database_url, lambda engine: uploads.remove_broken_uploads(engine, sharing))

    clean()
    assert sorted(stored(bucket)) == sorted([*awaited, broken, other])
    in_an_hour = time.time() + 3601
    monkeypatch.setattr(time, "time", lambda: in_an_hour)
    clean()
    assert sorted(stored(bucket)) == sorted([*awaited, other])


@pytest.mark.parametrize("address", ["/var/uploads", "uploads", "s3://", "https://a/b"])
def test_only_an_object_store_is_shared(address: str) -> None:
    with pytest.raises(ValueError, match="must be s3://bucket/folder"):
        Settings(uploads=address)  # type: ignore[arg-type]


@pytest.mark.slow
def test_another_machine_loads_what_a_dead_one_had_received_or_begun(
    settings: Settings, bucket: S3Store, place: Path, database_url: str
) -> None:
    del settings
    shared = {
        "OPENHOURS_UPLOADS": f"s3://{place.name}/uploads",
        "OPENHOURS_INBOX": str(place / "no-inbox"),
    }

    def machine(name: str, **more: str) -> Service:
        home = place / name
        home.mkdir()
        return Service(home, OPENHOURS_DATA_DIR=str(home / "data"), **shared, **more)

    async def hold_the_turn(hold: Callable[[], None]) -> None:
        connection = await asyncpg.connect(database_url)
        await connection.execute("SELECT pg_advisory_lock($1)", LOCK)
        try:
            await asyncio.to_thread(hold)
        finally:
            await connection.close()

    receives, begins = machine("receives", OPENHOURS_WORKER="false"), machine("begins")
    receives.start()
    answer = receives.client.post("/ingest/status", content=POLLS)
    receives.kill()

    def begin_and_die() -> None:
        begins.start()
        wait_for(lambda: states() == [("running", 1)], story=begins.story)
        workers = workers_of(begins)
        begins.kill()
        for worker in workers:
            with suppress(psutil.NoSuchProcess):  # it may have seen the server go
                worker.kill()

    def states() -> list[tuple[object, ...]]:
        return fetch(database_url, "SELECT state, attempt FROM ingestions")

    assert states() == [("queued", 0)]
    asyncio.run(hold_the_turn(begin_and_die))
    with machine("lives") as lives:
        done = lives.wait_ingestion(answer.json()["ingestion_id"])
        assert (done["state"], done["loaded"]) == ("complete", 1)
        wait_for(lambda: stored(bucket) == [], story=lives.story)
        assert states() == [("complete", 2)]
