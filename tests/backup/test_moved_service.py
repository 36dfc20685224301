"""A service is backed up while it is written to, and goes on in another place."""

import asyncio
import re
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import asyncpg
import pytest
from tools.service import Service

from openhours.ingestion.ingest import LOCK
from tests.helpers.clients import PASSWORD, bearer
from tests.helpers.command import openhours
from tests.helpers.database import fetch
from tests.helpers.debian_postgresql import BINARIES, MISSING, Cluster
from tests.helpers.waiting import wait_for

pytestmark = pytest.mark.slow

SAMPLE = Path(__file__).parents[2] / "data" / "sample"
AS_OF = "2022-11-08T18:00:00Z"
LATE = b"store_id,timestamp_utc,status\nlate-store,2022-12-01 12:00:00 UTC,active\n"


class Place:
    """A data folder, and a database there or in a server of the user's own."""

    def __init__(self, folder: Path, database_url: str | None) -> None:
        folder.mkdir()
        self.home = folder / "home"
        self.environment = {"OPENHOURS_DATA_DIR": str(self.home)}
        self.environment["OPENHOURS_INBOX"] = str(folder / "inbox")
        if database_url is not None:
            self.environment["DATABASE_URL"] = database_url
        self.database_url = (
            database_url or f"postgresql://postgres@/postgres?host={self.home / 'postgresql'}"
        )

    def command(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Type a command that works."""
        done = openhours(*arguments, cwd=self.home.parent, **self.environment)
        assert done.returncode == 0, done.stderr
        return done

    def service(self) -> Service:
        return Service(self.home.parent, **self.environment)


@pytest.fixture(params=["embedded", "own"])
def places(
    request: pytest.FixtureRequest, no_settings: None, place: Path, folder: Path
) -> Iterator[tuple[Place, Place]]:
    """A place that will be backed up, and one that is empty."""
    if request.param == "embedded":
        yield Place(place / "old", None), Place(place / "new", None)
        return
    if not BINARIES.exists():
        pytest.skip(MISSING)
    with Cluster(place / "debian") as cluster, pytest.MonkeyPatch.context() as patch:
        patch.setenv("PATH", str(BINARIES), prepend=":")
        old, new = (Place(place / name, cluster.new_database()) for name in ("old", "new"))
        yield old, new


@contextmanager
def nothing_loads(url: str) -> Iterator[None]:
    """Hold the lock under which files are loaded: what is uploaded waits."""
    loop = asyncio.new_event_loop()
    connection: asyncpg.Connection[Any] = loop.run_until_complete(asyncpg.connect(url))
    loop.run_until_complete(connection.execute("SELECT pg_advisory_lock($1)", LOCK))
    try:
        yield
    finally:
        loop.run_until_complete(connection.close())
        loop.close()


class Writers:
    """Clients that write until `stop`, and count what was acknowledged."""

    def __init__(self, service: Service, key: dict[str, str]) -> None:
        self._service, self._key = service, key
        self._stopping = threading.Event()
        self.beats = self.visits = 0
        self.uploads: list[str] = []
        self._threads = [threading.Thread(target=one) for one in (self._send, self._upload)]
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        self._stopping.set()
        for thread in self._threads:
            thread.join()

    def _send(self) -> None:
        while not self._stopping.wait(0.02):
            self._post("/track", json={"pc": "busy"})
            self.beats += 1
            self._post("/visit", json={"user_id": "busy", "page_url": "/"})
            self.visits += 1

    def _upload(self) -> None:
        while not self._stopping.wait(0.5):
            answer = self._post("/ingest/status", content=LATE)
            self.uploads.append(answer["ingestion_id"])

    def _post(self, path: str, **body: Any) -> Any:
        answer = self._service.client.post(path, headers=self._key, **body)
        answer.raise_for_status()
        return answer.json()


def test_a_service_goes_on_where_it_is_restored(
    places: tuple[Place, Place], backup_file: Path
) -> None:
    old, new = places
    with old.service() as service:
        for kind, name in (
            ("hours", "menu_hours.csv"),
            ("timezones", "timezones.csv"),
            ("status", "store_status.csv.gz"),
        ):
            done = service.upload(kind, (SAMPLE / name).read_bytes())
            assert done["state"] == "complete", done
        beat = {"pc": "desk", "event_time": "2022-11-08T17:30:00Z"}
        assert service.client.post("/track", json=beat).status_code == 201
        ann = {"username": "ann", "password": PASSWORD}
        user = service.client.post("/api/v1/user/register", json=ann).json()["user"]
        token = bearer(user["token"])
        path = "/api/v1/sessions/ann"
        session = {"username": "ann", "name": "s", "time": 60_000, "createdAt": AS_OF}
        saved = service.client.post("/api/v1/sessions/new", headers=token, json=session)
        assert saved.status_code == 200
        sessions = service.client.get(path, headers=token).json()
        report_id = service.trigger(as_of=AS_OF)
        report = service.wait_report(report_id)
        assert "\npc:desk," in report.text
        key = bearer(
            old.command("keys", "create", "--scope", "admin", "--name", "k").stdout.strip()
        )
        with nothing_loads(old.database_url):
            asked = service.client.post("/ingest/status", content=LATE, headers=key)
            waiting = asked.json()["ingestion_id"]
            writers = Writers(service, key)
            wait_for(lambda: bool(writers.uploads and writers.visits))
            before = (writers.beats, writers.visits, len(writers.uploads))
            said = old.command("backup", str(backup_file)).stderr
            writers.stop()
            acknowledged = [waiting, *writers.uploads[: before[2]]]
    made = re.fullmatch(rf"backup: [\d,]+ bytes, (\d+) waiting uploads -> {backup_file}\n", said)
    assert made is not None, said
    copied = int(made[1])
    assert len(acknowledged) <= copied <= len(writers.uploads) + 1

    said = new.command("restore", str(backup_file)).stderr
    assert said.startswith("restored: openhours ")
    assert said.splitlines()[0].endswith(f", {copied} waiting uploads"), said
    assert len(said.splitlines()) == 1
    with new.service() as service:
        signed_in = service.client.post("/api/v1/user/login", json=ann)
        assert signed_in.status_code == 200
        assert service.client.get(path, headers=token).json() == sessions
        refreshed = service.client.post(
            "/api/v1/user/refresh", json={"refresh_token": user["refresh_token"]}
        )
        assert refreshed.status_code == 200
        service.client.headers.update(key)
        assert service.client.get(f"/get_report/{report_id}").content == report.content
        assert service.wait_report(service.trigger(as_of=AS_OF)).content == report.content
        for ingestion_id in acknowledged:
            loaded = service.wait_ingestion(ingestion_id)
            assert loaded["state"] == "complete", loaded
        uploads = new.home / "uploads"
        wait_for(lambda: not list(uploads.iterdir()), 60, service.story)
        counts = "SELECT (SELECT count(*) FROM heartbeats), (SELECT count(*) FROM visits)"
        [(beats, visits)] = fetch(new.database_url, counts)
        assert before[0] <= int(str(beats)) - 1 <= writers.beats
        assert before[1] <= int(str(visits)) <= writers.visits
