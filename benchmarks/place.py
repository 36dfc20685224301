"""Where benchmarks run: a PostgreSQL of their own, databases, services, and the data."""

import asyncio
import atexit
import os
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import asyncpg
from sqlalchemy.engine import make_url
from tools.service import Service

from benchmarks.measure import seconds
from openhours.db import embedded, worker_connection
from openhours.db.engine import make_engine, migrate
from openhours.ingestion import sample_data
from openhours.ingestion.advice import DefaultZone
from openhours.ingestion.ingest import ingest_file
from openhours.ingestion.write import Attempt, add_ingestion, begin_attempt
from openhours.settings import get_settings

SHARED = Path(__file__).parents[2] / "shared"
_TEMPLATE = "bench_template"
# As many stores as the real files have polls for: about 2.2 million rows.
_SAMPLE_STORES = 6_700
_ZONE = DefaultZone("America/Chicago", is_set=False)


@dataclass(frozen=True)
class Files:
    """The three files of the main job at full size, and what comes after them.

    `hourly` are files of an hour each; `grown` is the status file with the first at its end.
    """

    status: Path
    hours: Path
    timezones: Path
    grown: Path
    hourly: list[Path]


class Place:
    """A folder with an embedded server; databases are cloned from a migrated template."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.url = embedded.start(folder)
        self._count = 0
        self.execute("CREATE DATABASE " + _TEMPLATE)
        asyncio.run(_migrate(self._of(_TEMPLATE)))

    def _of(self, database: str) -> str:
        return make_url(self.url).set(database=database).render_as_string(hide_password=False)

    def database(self, template: str = _TEMPLATE) -> str:
        """The URL of a new database, a copy of another."""
        self._count += 1
        name = f"bench_{self._count}"
        source = make_url(template).database if "://" in template else template
        self.execute(
            # This process may hold a connection to it, and then it could not be copied.
            f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{source}'"
        )
        self.execute(f"CREATE DATABASE {name} TEMPLATE {source} STRATEGY file_copy")
        return self._of(name)

    def drop(self, url: str) -> None:
        self.execute(f"DROP DATABASE {make_url(url).database} WITH (FORCE)")

    def execute(self, *statements: str, url: str | None = None) -> None:
        asyncio.run(self._execute(statements, url or self.url))

    async def _execute(self, statements: tuple[str, ...], url: str) -> None:
        connection = await asyncpg.connect(url)
        for statement in statements:
            await connection.execute(statement, timeout=3600)
        await connection.close()

    def fetchval(self, url: str, query: str) -> Any:
        async def ask() -> Any:
            connection = await asyncpg.connect(url)
            try:
                return await connection.fetchval(query)
            finally:
                await connection.close()

        return asyncio.run(ask())

    def use(self, url: str) -> None:
        """Make the database that of this process and of those it starts."""
        os.environ["DATABASE_URL"] = url
        os.environ["OPENHOURS_DATA_DIR"] = str(self.folder / "home")
        os.environ["OPENHOURS_INBOX"] = str(self.folder / "no-inbox")
        get_settings.cache_clear()

    def ingest(self, url: str, *files: Path) -> float:
        """Load files in this process, as a worker's child does; seconds of the last one."""
        self.use(url)
        get_settings().data_dir.mkdir(exist_ok=True)
        spent = 0.0
        for file in files:
            attempt = asyncio.run(_begin(url, file))
            worker_connection.run(url, _nothing)  # a worker's child has its connection already
            spent = seconds(
                partial(ingest_file, url, get_settings().data_dir, sys.maxsize, _ZONE, attempt)
            )
            query = f"SELECT state FROM ingestions WHERE id = {attempt.ingestion_pk}"
            state = self.fetchval(url, query)
            if state != "complete":
                raise RuntimeError(f"{file} is {state}")
        return spent

    def service(self, url: str, **environment: str) -> Service:
        self.use(url)
        return Service(self.folder, **environment)


async def _nothing(_: object) -> None:
    return


async def _begin(url: str, file: Path) -> Attempt:
    engine = make_engine(url)
    async with engine.begin() as connection:
        added = await add_ingestion(connection, get_settings(), file, name=file.name)
        # No worker shall take it: this process runs it.
        await connection.exec_driver_sql("DELETE FROM pgqueuer")
    attempt = await begin_attempt(engine, added.pk)
    await engine.dispose()
    assert attempt is not None
    return attempt


async def _migrate(url: str) -> None:
    engine = make_engine(url)
    await migrate(engine)
    await engine.dispose()


def make_place() -> Place:
    """A place that is gone when this process ends."""
    folder = Path(tempfile.mkdtemp(prefix="openhours-bench-", dir="/var/tmp"))
    folder.chmod(0o755)
    # At exit, after the server, which stops at exit, too: the last to be registered is the first.
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return Place(folder)


def files(folder: Path) -> Files:
    """The real files where they are at hand, else our sample at the same size."""
    data = folder / "data"
    data.mkdir()
    tool = SHARED / "tools" / "make_status.py"
    if tool.exists():
        status = data / "status.csv"
        subprocess.run([sys.executable, str(tool), str(status)], check=True)
        hours, timezones = (SHARED / "data" / f"{name}.csv" for name in ("menu_hours", "timezones"))
    else:
        packed, hours, timezones, _ = sample_data.write(data, _SAMPLE_STORES)
        status = data / "status.csv"
        subprocess.run(["gunzip", "-kc", str(packed)], check=True, stdout=status.open("wb"))
    newest = "2023-01-25" if "2023" in status.open().read(4096) else "2022-11-08"
    hourly = [data / f"{hour}.csv" for hour in range(19, 24)]
    for file in hourly:
        _write_hour(status, timezones, f"{newest} {file.stem}", file)
    grown = data / "grown.csv"
    shutil.copy(status, grown)
    with grown.open("ab") as out:
        out.write(hourly[0].read_bytes().split(b"\n", 1)[1])
    return Files(status, hours, timezones, grown, hourly)


def _write_hour(status: Path, timezones: Path, hour: str, file: Path) -> None:
    """A poll of each store within an hour such as `2023-01-25 19`."""
    header = status.open().readline().strip().split(",")
    with timezones.open() as lines, file.open("w") as out:
        out.write(",".join(header) + "\n")
        next(lines)
        for number, line in enumerate(lines):
            values = {
                "store_id": line.split(",")[0],
                "timestamp_utc": f"{hour}:{number % 60:02d}:{number % 59:02d}.{number:06d} UTC",
                "status": "active" if number % 7 else "inactive",
            }
            out.write(",".join(values[column] for column in header) + "\n")
