"""Inbox and outbox in an object store: a real service beside a real S3 server (moto's)."""

import asyncio
import gzip
import io
import sys
import time
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import obstore
import pytest
from obstore.store import S3Store
from pydantic import ValidationError
from tools.service import Service, workers_of

from openhours import objects
from openhours.errors import SettingsError
from openhours.objects import S3Folder, StoreFailed
from openhours.settings import Settings
from tests.helpers.waiting import wait_for

HEADER = b"store_id,timestamp_utc,status\n"
ROW = b"1,2023-01-22 12:00:00 UTC,active\n"
MORE = b"2,2023-01-22 12:00:00 UTC,inactive\n"


async def pieces(*parts: bytes) -> AsyncIterator[bytes]:
    for part in parts:
        yield part


def test_a_folder_holds_its_own_objects_and_not_those_below(bucket: S3Store, place: Path) -> None:
    folder = S3Folder(f"s3://{place.name}/polls")
    for path in ("polls/b.csv", "polls/a.csv", "polls/below/c.csv", "other/d.csv", "e.csv"):
        obstore.put(bucket, path, path.encode())
    found = asyncio.run(folder.objects())
    assert [(one.name, one.url, one.size) for one in found] == [
        ("a.csv", f"s3://{place.name}/polls/a.csv", 11),
        ("b.csv", f"s3://{place.name}/polls/b.csv", 11),
    ]
    file = io.BytesIO()
    assert objects.fetch(found[0].url, file) == found[0].modified_ns
    assert file.getvalue() == b"polls/a.csv"
    assert asyncio.run(S3Folder(f"s3://{place.name}").objects())[0].name == "e.csv"


def test_what_is_written_is_whole_or_not_there(bucket: S3Store, place: Path) -> None:
    folder = S3Folder(f"s3://{place.name}/reports")
    large = [b"x" * (3 << 20)] * 5
    url = asyncio.run(folder.write("a.csv", pieces(*large)))
    file = io.BytesIO()
    objects.fetch(url, file)
    assert file.getvalue() == b"".join(large)

    async def broken() -> AsyncIterator[bytes]:
        for part in large:
            yield part
        raise LookupError("the report was removed")

    with pytest.raises(LookupError, match="the report was removed"):
        asyncio.run(folder.write("b.csv", broken()))
    with pytest.raises(StoreFailed, match=r"^there is no such object or bucket$"):
        objects.fetch(f"{folder}/b.csv", io.BytesIO())


@pytest.mark.slow
def test_a_store_that_refuses_or_is_away_is_one_clear_line(
    bucket: S3Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(StoreFailed) as refused:
        asyncio.run(S3Folder("s3://no-such-bucket").write("a.csv", pieces(b"x")))
    assert "\n" not in str(refused.value)
    assert "s3cret" not in str(refused.value)
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    monkeypatch.setattr(objects, "_SOON", timedelta(seconds=1))
    objects._store.cache_clear()
    with pytest.raises(StoreFailed):
        asyncio.run(S3Folder("s3://away").objects())


@pytest.mark.parametrize(
    "url", ["s3://", "s3:///a", "S3://a", "https://a/b", "s3://a/b?c", "gs://a"]
)
def test_other_addresses_are_refused(url: str) -> None:
    with pytest.raises(ValidationError, match="must be a folder, or s3://bucket/folder"):
        Settings(inbox=url)  # type: ignore[arg-type]


def test_without_its_package_the_setting_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "obstore.store", None)
    objects._store.cache_clear()
    with pytest.raises(SettingsError, match=r"needs pip install 'openhours\[server,objects\]'"):
        S3Folder("s3://bucket").check()


@pytest.mark.slow
def test_files_come_from_a_bucket_and_reports_go_into_one(
    settings: Settings, bucket: S3Store, place: Path
) -> None:
    del settings
    obstore.put(bucket, "in/polls.csv.gz", gzip.compress(HEADER + ROW))
    obstore.put(bucket, "in/notes.txt", b"not for us")
    environment = {
        "OPENHOURS_INBOX": f"s3://{place.name}/in/",
        "OPENHOURS_INBOX_CRON": "* * * * * */1",
        "OPENHOURS_OUTBOX": f"s3://{place.name}/out",
    }

    def files() -> list[tuple[str, str, int]]:
        listed = service.client.get("/ingestions").json()
        return [(one["name"], one["state"], one["loaded"]) for one in listed]

    def delivered() -> list[str]:
        return [one["path"] for one in obstore.list(bucket, "out").collect()]

    def destinations() -> list[str]:
        return [one["destination"] for one in service.client.get("/deliveries").json()]

    with Service(place, **environment) as service:
        wait_for(lambda: files() == [("polls.csv.gz", "complete", 1)], story=service.story)
        report = service.wait_report(service.trigger())
        wait_for(lambda: len(delivered()) == 1, story=service.story)
        assert obstore.get(bucket, delivered()[0]).bytes() == report.content
        destination = f"s3://{place.name}/{delivered()[0]}"
        wait_for(lambda: destinations() == [destination], story=service.story)
        # A file that is replaced is loaded again, one that is not stays as it is.
        time.sleep(1)
        obstore.put(bucket, "in/polls.csv.gz", gzip.compress(HEADER + ROW + MORE))
        wait_for(lambda: files()[0] == ("polls.csv.gz", "complete", 1) and len(files()) == 2)
        time.sleep(2)
        assert len(files()) == 2
        assert list((place / "home").glob("object-*")) == []
        # A worker that is killed meanwhile: each file once, each report there.
        obstore.put(bucket, "in/late.csv", HEADER + MORE.replace(b"2,", b"3,"))
        [worker] = workers_of(service)
        worker.kill()
        wait_for(lambda: files()[0] == ("late.csv", "complete", 1), 60, service.story)
        assert len(files()) == 3
        assert "s3cret" not in service.story()
