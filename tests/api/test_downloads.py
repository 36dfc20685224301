"""Large answers as files: their length, digest and ranges; made once for all who ask."""

import asyncio
import base64
import errno
import gzip
import hashlib
import os
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from openhours.api import downloads
from openhours.api.downloads import Downloads
from openhours.settings import Settings
from tests.helpers.csv_files import ID
from tests.reports.computing import Reports, reporting

pytestmark = pytest.mark.slow

PLAIN = {"Accept-Encoding": "identity"}


@pytest.fixture
def reports(settings: Settings) -> Iterator[Reports]:
    with reporting(settings) as reports:
        for n in range(1, 5):
            reports.store(f"{ID}{n}", ["2023-01-18 12:00 active", "2023-01-20 15:30 inactive"])
        yield reports


def digest_of(content: bytes) -> str:
    return f"sha-256=:{base64.b64encode(hashlib.sha256(content).digest()).decode()}:"


@pytest.mark.parametrize("form", ["csv", "json", "parquet", "xlsx"])
def test_a_file_has_a_length_a_digest_and_ranges(reports: Reports, form: str) -> None:
    client, path = reports.client, f"/get_report/{reports.report()}?format={form}"
    whole = client.get(path, headers=PLAIN)
    assert whole.headers["content-length"] == str(len(whole.content))
    assert whole.headers["repr-digest"] == digest_of(whole.content)
    assert whole.headers["accept-ranges"] == "bytes"
    head = client.head(path, headers=PLAIN)
    assert (head.status_code, head.content) == (200, b"")
    same = ("content-length", "repr-digest", "etag", "content-type", "x-report-status")
    assert [head.headers[name] for name in same] == [whole.headers[name] for name in same]

    part = client.get(path, headers=PLAIN | {"Range": "bytes=10-29"})
    assert (part.status_code, part.content) == (206, whole.content[10:30])
    assert part.headers["content-range"] == f"bytes 10-29/{len(whole.content)}"
    assert part.headers["repr-digest"] == whole.headers["repr-digest"], "that of the whole"
    end = client.get(path, headers=PLAIN | {"Range": "bytes=-7"})
    assert end.content == whole.content[-7:]
    two = client.get(path, headers=PLAIN | {"Range": "bytes=0-1, 5-6"})
    assert two.status_code == 206
    assert two.headers["content-type"].startswith("multipart/byteranges")


@pytest.mark.parametrize(
    ("range_", "status"),
    [
        ("bytes=1000000-", 416),
        ("bytes=0-1,1000000-1000001", 416),
        ("bytes=-0", 416),
        ("bytes=5-2", 200),
        ("bytes=", 200),
        ("bytes=a-b", 200),
        ("lines=1-2", 200),
        ("bytes=" + "9" * 5000 + "-", 200),
    ],
)
def test_a_range_behind_the_end_is_refused_and_a_malformed_one_ignored(
    reports: Reports, range_: str, status: int
) -> None:
    path = f"/get_report/{reports.report()}"
    size = len(reports.client.get(path, headers=PLAIN).content)
    answer = reports.client.get(path, headers=PLAIN | {"Range": range_})
    assert answer.status_code == status
    if status == 416:
        assert answer.headers["content-range"] == f"bytes */{size}"
        assert answer.json()["detail"] == f"the file has {size} bytes"


def test_a_part_is_only_of_the_file_that_the_client_knows(reports: Reports) -> None:
    path = f"/get_report/{reports.report()}"
    whole = reports.client.get(path, headers=PLAIN)
    wanted = PLAIN | {"Range": "bytes=0-3"}
    for known, status in (
        (whole.headers["etag"], 206),
        (whole.headers["last-modified"], 206),
        ('"another"', 200),
        ("W/" + whole.headers["etag"], 200),
    ):
        answer = reports.client.get(path, headers=wanted | {"If-Range": known})
        assert answer.status_code == status, known
    fresh = reports.client.get(path, headers=PLAIN | {"If-None-Match": whole.headers["etag"]})
    assert (fresh.status_code, fresh.content) == (304, b"")


def test_csv_and_json_are_gzipped_for_who_accepts_it(reports: Reports) -> None:
    path = f"/get_report/{reports.report()}"
    plain = reports.client.get(path, headers=PLAIN)
    assert "content-encoding" not in plain.headers
    with reports.client.stream("GET", path, headers={"Accept-Encoding": "gzip"}) as answer:
        raw = b"".join(answer.iter_raw())
    assert answer.headers["content-encoding"] == "gzip"
    assert answer.headers["content-length"] == str(len(raw))
    assert answer.headers["repr-digest"] == digest_of(raw), "of what is sent"
    assert answer.headers["etag"] != plain.headers["etag"]
    assert "Accept-Encoding" in answer.headers["vary"]
    assert gzip.decompress(raw) == plain.content
    for accepted in ("gzip;q=0", "br", ""):
        answer = reports.client.get(path, headers={"Accept-Encoding": accepted})
        assert "content-encoding" not in answer.headers
    parquet = reports.client.get(f"{path}?format=parquet", headers={"Accept-Encoding": "gzip"})
    assert "content-encoding" not in parquet.headers


def test_without_space_for_the_file_it_is_streamed(
    reports: Reports, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = f"/get_report/{reports.report()}"

    def full(_: object) -> None:
        raise OSError(errno.ENOSPC, "no space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(downloads, "_Unfinished", full)
        streamed = reports.client.get(path, headers=PLAIN)
    assert streamed.status_code == 200
    assert "content-length" not in streamed.headers
    assert streamed.content == reports.client.get(path, headers=PLAIN).content


class Made:
    """Counts how often a file is made."""

    def __init__(self, content: bytes = b"content") -> None:
        self.count = 0
        self.content = content
        self.go_on = asyncio.Event()

    async def __call__(self) -> AsyncIterator[bytes]:
        self.count += 1

        async def chunks() -> AsyncIterator[bytes]:
            await self.go_on.wait()
            yield self.content

        return chunks()


def test_who_asks_at_the_same_time_waits_for_the_same_file(tmp_path: Path) -> None:
    async def scenario() -> None:
        files, make = Downloads(tmp_path / "new"), Made()
        first, *others = (asyncio.create_task(files.get("a", make)) for _ in range(50))
        await asyncio.sleep(0)
        first.cancel()  # this client has left
        make.go_on.set()
        for task in others:
            made, state = await task
            assert (made.path.read_bytes(), state.st_size) == (b"content", 7)
        await files.get("a", make)
        assert make.count == 1
        made.path.unlink()
        await files.get("a", make)
        assert make.count == 2

    asyncio.run(scenario())


def test_a_file_that_cannot_be_made_is_made_by_the_next_who_asks(tmp_path: Path) -> None:
    async def scenario() -> None:
        files, make = Downloads(tmp_path), Made()
        make.go_on.set()

        async def fail() -> AsyncIterator[bytes]:
            raise ValueError("no")

        with pytest.raises(ValueError, match="no"):
            await files.get("a", fail)
        made, _ = await files.get("a", make)
        assert list(tmp_path.iterdir()) == [made.path]

    asyncio.run(scenario())


def test_old_files_go_and_the_oldest_when_there_is_too_much(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(downloads, "_MAX_BYTES", 25)

    async def scenario() -> None:
        files, make = Downloads(tmp_path), Made(b"0123456789")
        make.go_on.set()
        left, writing = tmp_path / "x.part", tmp_path / "y.part"
        for file, age in ((left, 100_000), (writing, 5_000)):
            file.write_bytes(b"")
            os.utime(file, (0, time.time() - age))
        old = (await files.get("old", make))[0].path
        os.utime(old, (0, time.time() - 4_000))
        paths = []
        for n, key in enumerate("abc"):
            paths.append((await files.get(key, make))[0].path)
            os.utime(paths[-1], (0, time.time() - 100 + n))
        assert not old.exists()
        assert not left.exists()
        assert writing.exists()
        assert [path.exists() for path in paths] == [False, True, True]
        await files.get("a", make)
        assert make.count == 5

    asyncio.run(scenario())
