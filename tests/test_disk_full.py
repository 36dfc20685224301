"""A disk that is really full, below server, files and database: nothing acknowledged is lost."""

import asyncio
import errno
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import asyncpg
import httpx
import pytest
from tools.service import Service

from tests.helpers.waiting import wait_for

DISK = "160m"
ROOM = 60_000_000  # bytes; more than the database's next log file

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="needs a tmpfs")


@pytest.fixture
def disk(place: Path) -> Iterator[Path]:
    """A small disk of this test's own."""
    disk = place / "disk"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={DISK},mode=755", "tmpfs", str(disk)]
    if shutil.which("mount") is None or subprocess.run(mount, check=False).returncode != 0:
        pytest.skip("no file system can be mounted here: root may, outside most containers")
    yield disk
    subprocess.run(["umount", "--lazy", str(disk)], check=True)


@pytest.fixture
def service(disk: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Service]:
    """A service with its embedded database on the small disk."""
    monkeypatch.delenv("DATABASE_URL", raising=False)
    inbox = disk / "inbox"
    inbox.mkdir()
    own = {"OPENHOURS_DATA_DIR": str(disk / "home"), "OPENHOURS_INBOX": str(inbox)}
    with Service(disk.parent, **own) as service:
        yield service


def fill(disk: Path) -> Path:
    """Take what is free; the file that does."""
    ballast = disk / "ballast"
    with ballast.open("wb", buffering=0) as file:
        try:
            while True:
                file.write(bytes(1 << 16))
        except OSError as error:
            assert error.errno == errno.ENOSPC
    return ballast


def tell_database(disk: Path, statement: str) -> None:
    """Carry out a statement in the embedded database."""

    async def tell() -> None:
        connection = await asyncpg.connect(host=str(disk / "home" / "postgresql"), user="postgres")
        await connection.execute(statement)
        await connection.close()

    asyncio.run(tell())


def start_log_file(disk: Path) -> None:
    """Let the database begin its next log file, so that what follows does not need another.

    PostgreSQL stops where a log file cannot be made, wherever in the file before it is by then.
    """
    tell_database(disk, "SELECT pg_switch_wal()")
    tell_database(disk, "CHECKPOINT")


def beat(service: Service, number: int) -> httpx.Response:
    body = {"pc": "joe", "beat_id": f"beat-{number}"}
    return service.client.post("/track", json=body)


def polls(stores: int, hours: int) -> bytes:
    lines = [
        f"{store},2023-01-{1 + hour // 24:02} {hour % 24:02}:00:00 UTC,active"
        for store in range(stores)
        for hour in range(hours)
    ]
    return "\n".join(["store_id,timestamp_utc,status", *lines, ""]).encode()


def test_what_was_acknowledged_is_there_when_the_disk_has_room_again(
    service: Service, disk: Path
) -> None:
    few = polls(10, 24)
    service.upload("status", few)
    assert beat(service, 0).status_code == 201

    start_log_file(disk)
    ballast = fill(disk)
    answers = [beat(service, number) for number in range(1, 200)]
    assert {answer.status_code for answer in answers} <= {201, 507}
    assert answers[-1].status_code == 507
    assert answers[-1].json()["detail"] == "no space left on the database's disk"
    upload = service.client.post("/ingest/status", content=polls(200, 24))
    assert upload.status_code == 507
    assert upload.json()["detail"] == "no space left on the server's disk"
    trigger = service.client.post("/trigger_report")
    assert trigger.status_code in (200, 507)
    assert service.client.get("/health").status_code == 200

    ballast.unlink()
    acknowledged = {0, *(n for n, answer in enumerate(answers, 1) if answer.status_code == 201)}
    assert len(service.client.get("/track/events").json()) == len(acknowledged)
    assert beat(service, 1000).status_code == 201
    if trigger.status_code == 200:
        ended = service.wait_report(trigger.json()["report_id"])
        assert ended.status_code == 200 or "the disk is full" in ended.json()["error"]
    assert service.wait_report(service.trigger()).text.count("\n") == 1 + 10 + 1


def test_a_file_that_the_disk_cannot_hold_fails_whole_and_can_be_sent_again(
    service: Service, disk: Path
) -> None:
    service.upload("status", polls(10, 24))
    many = polls(2_000, 300)
    start_log_file(disk)
    ballast = fill(disk)
    with ballast.open("r+b") as file:
        file.truncate(max(0, ballast.stat().st_size - ROOM))
    failed = service.upload("status", many)
    assert failed["state"] == "failed"
    assert failed["error"].startswith("the disk is full: ")
    assert "No space left" in failed["error"]
    assert service.wait_report(service.trigger()).text.count("\n") == 1 + 10
    assert list((disk / "home" / "uploads").iterdir()) == []

    ballast.unlink()
    assert service.upload("status", few := polls(20, 24))["loaded"] == 20 * 24 - 10 * 24
    assert service.upload("status", few)["unchanged"] == 20 * 24


def test_a_database_that_stops_for_want_of_room_comes_back_with_it(
    service: Service, disk: Path
) -> None:
    service.upload("status", polls(10, 24))
    assert beat(service, 0).status_code == 201
    ballast = fill(disk)
    with pytest.raises((asyncpg.PostgresConnectionError, ConnectionError)):
        tell_database(disk, "SELECT pg_logical_emit_message(true, '', repeat('-', 20000000))")
    refused = beat(service, 1)
    assert refused.status_code == 503
    assert refused.json()["detail"] == "the database cannot be reached; try again"

    ballast.unlink()
    wait_for(lambda: beat(service, 1).status_code != 503, timeout=60, story=service.story)
    assert len(service.client.get("/track/events").json()) == 2
    assert service.wait_report(service.trigger()).text.count("\n") == 1 + 10 + 1
