"""A real PostgreSQL for the whole run; each test has an empty database."""

import atexit
import logging
import os
import secrets
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import cache
from pathlib import Path

import httpx
import hypothesis
import pytest
from anyio.from_thread import BlockingPortal, start_blocking_portal
from obstore.store import S3Store
from pwdlib import PasswordHash
from pwdlib.hashers.argon2 import Argon2Hasher
from pydantic import SecretStr
from sqlalchemy.engine import make_url
from tools.service import Service
from tools.zygote import Zygote

from openhours import objects
from openhours.accounts import passwords
from openhours.db import embedded
from openhours.settings import Settings, get_settings
from tests.helpers.database import empty_tables, truncate
from tests.helpers.debian_postgresql import Cluster
from tests.helpers.kept_database import KeptDatabase
from tests.helpers.new_database import new_database, template

HERE = Path(__file__).parent
# Several times what a run takes.
_ROOM = 4 << 30
# Fixtures that start processes.
SLOW = {"service", "cluster", "playwright"}

# How long an example takes depends on what else the machine does; each run draws others.
hypothesis.settings.register_profile("openhours", deadline=None, max_examples=50)
hypothesis.settings.load_profile("openhours")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--postgresql-15",
        action="store_true",
        help="tests use Debian's PostgreSQL 15 and an ordinary role, not the embedded server",
    )


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what uses such a fixture; `start_nothing` finds what starts processes unmarked.

    Slow tests come first, of these those of the whole service, the files that take longest: at the
    end short ones keep all of xdist's workers busy.
    """
    for item in items:
        fixtures = set(getattr(item, "fixturenames", ()))
        if "playwright" in fixtures:
            item.add_marker("browser")
        if fixtures & SLOW or item.get_closest_marker("browser"):
            item.add_marker("slow")
    items.sort(key=lambda item: (item.get_closest_marker("slow") is None, item.path.parent != HERE))


@pytest.fixture(autouse=True)
def start_nothing(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Fail a test that starts a process and is not marked as slow."""

    def refuse(*_: object, **__: object) -> None:
        pytest.fail("this test starts a process: mark it with @pytest.mark.slow")

    if request.node.get_closest_marker("slow") is None:
        monkeypatch.setattr(subprocess.Popen, "__init__", refuse)


@pytest.fixture(autouse=True)
def cheap_hashes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Hash passwords in a millisecond in this process; services hash as they always do."""
    cheap = PasswordHash((Argon2Hasher(time_cost=1, memory_cost=8, parallelism=1),))
    monkeypatch.setattr(passwords, "_argon2", cheap)


@pytest.fixture
def audit_lines() -> Iterator[list[str]]:
    """The audit lines, in a list that grows."""
    found: list[str] = []
    handler = logging.Handler()
    handler.emit = lambda record: found.append(record.getMessage())  # type: ignore[method-assign]
    log = logging.getLogger("openhours.audit")
    log.addHandler(handler)
    yield found
    log.removeHandler(handler)


@pytest.fixture(scope="session", autouse=True)
def zygote(pytestconfig: pytest.Config) -> None:
    """Fork the services of slow tests, unless what they cover is measured."""
    if pytestconfig.option.markexpr != "not slow" and "coverage" not in sys.modules:
        Service.zygote = Zygote()


@pytest.fixture(scope="session")
def folder() -> Path:
    """A folder for what outlives a test; as root, the database's user must be able to enter it."""
    path = Path(tempfile.mkdtemp(prefix="openhours-tests-", dir=_fastest_place()))
    path.chmod(0o755)
    # At exit, after the server, which stops at exit, too: the last to be registered is the first.
    atexit.register(shutil.rmtree, path, ignore_errors=True)
    return path


@pytest.fixture(scope="session")
def portal() -> Iterator[BlockingPortal]:
    """An event loop for connections that outlive a test."""
    with start_blocking_portal() as portal:
        yield portal


@pytest.fixture(scope="session")
def server_url(folder: Path, portal: BlockingPortal, pytestconfig: pytest.Config) -> Iterator[str]:
    """The URL of a PostgreSQL server that is stopped when the run ends."""
    with ExitStack() as stack:
        if pytestconfig.getoption("--postgresql-15"):
            debian = stack.enter_context(Cluster(folder / "debian"))
            url = debian.new_database()
            # The tests make databases; the service never does.
            debian.execute(f"ALTER ROLE {make_url(url).username} CREATEDB")
        else:
            url = embedded.start(folder)
        # Nothing of the embedded server outlives the run.
        durable = pytestconfig.getoption("--postgresql-15")
        stack.enter_context(template(url, portal, durable=durable))
        yield url


@pytest.fixture
def database_url(
    server_url: str, portal: BlockingPortal, request: pytest.FixtureRequest
) -> Iterator[str]:
    """The URL of an empty database: this test's own, or for short tests that of the one before."""
    own = request.node.get_closest_marker("slow") is not None
    with new_database(server_url) if own else KeptDatabase.lend(server_url, portal) as url:
        yield url


@contextmanager
def new_service(server_url: str, folder: Path, **environment: str) -> Iterator[Service]:
    """A service with a database and folders of its own, while it is used."""
    place = folder / secrets.token_hex(6)
    (place / "inbox").mkdir(parents=True)
    with (
        new_database(server_url) as url,
        Service(
            place,
            DATABASE_URL=url,
            OPENHOURS_DATA_DIR=str(place / "home"),
            OPENHOURS_INBOX=str(place / "inbox"),
            **environment,
        ) as running,
    ):
        yield running


@pytest.fixture
def place(folder: Path) -> Path:
    """An empty folder of this test's own, which the database's user may enter."""
    path = folder / secrets.token_hex(6)
    path.mkdir()
    return path


@pytest.fixture
def settings(database_url: str, place: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Settings]:
    """Settings of this test's own database and folders, for the processes it starts, too."""
    for name in os.environ:
        if name.startswith("OPENHOURS_") or name in ("DATABASE_URL", "DB_URL"):
            monkeypatch.delenv(name)
    (place / "inbox").mkdir()
    monkeypatch.chdir(place)  # no .env of the developer's
    monkeypatch.setenv("DATABASE_URL", database_url)
    monkeypatch.setenv("OPENHOURS_DATA_DIR", str(place / "home"))
    monkeypatch.setenv("OPENHOURS_INBOX", str(place / "inbox"))
    # A worker's children are half of what a service takes to start.
    monkeypatch.setenv("OPENHOURS_PROCESSES", "1")
    get_settings.cache_clear()
    own = {"database_url": SecretStr(database_url), "data_dir": place / "home"}
    yield _settings_of_a_test().model_copy(update={**own, "inbox": place / "inbox"})
    get_settings.cache_clear()


@cache
def _settings_of_a_test() -> Settings:
    """Read the environment once: that takes as long as making a database."""
    return Settings()


class SharedServices:
    """Services that tests share, one for each environment."""

    def __init__(self, stack: ExitStack, server_url: str, folder: Path) -> None:
        self._stack, self._server_url, self._folder = stack, server_url, folder
        self._running: dict[str, tuple[Service, list[str]]] = {}

    def get(self, environment: dict[str, str]) -> tuple[Service, list[str]]:
        """Return the service, and the tables that are empty when it has started."""
        environment = {"OPENHOURS_PROCESSES": "1", **environment}
        key = repr(sorted(environment.items()))
        if key not in self._running:
            running = self._stack.enter_context(
                new_service(self._server_url, self._folder, **environment)
            )
            self._running[key] = running, empty_tables(running.environment["DATABASE_URL"])
        return self._running[key]


@pytest.fixture(scope="session")
def shared_services(server_url: str, folder: Path) -> Iterator[SharedServices]:
    """The services that tests share."""
    with ExitStack() as stack:
        yield SharedServices(stack, server_url, folder)


@pytest.fixture
def emptied_service(
    shared_services: SharedServices, request: pytest.FixtureRequest
) -> Iterator[Service]:
    """The service that tests with this ENVIRONMENT share, without what others have stored."""
    running, tables = shared_services.get(getattr(request.module, "ENVIRONMENT", {}))
    yield running
    # Else files of the inbox would be loaded again, in the middle of the next test.
    for left in (running.folder / "inbox").iterdir():
        shutil.rmtree(left) if left.is_dir() else left.unlink()
    truncate(running.environment["DATABASE_URL"], tables)


@pytest.fixture
def service(request: pytest.FixtureRequest) -> Service:
    """A service of this test's own, or with the module's SHARED_SERVICE one that others use, too.

    The module's ENVIRONMENT adds settings.
    """
    shared = getattr(request.module, "SHARED_SERVICE", False)
    found: Service = request.getfixturevalue("emptied_service" if shared else "own_service")
    return found


@pytest.fixture(scope="session")
def s3() -> Iterator[str]:
    """The address of an S3 server, moto's."""
    from moto.server import ThreadedMotoServer

    server = ThreadedMotoServer(port=0)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture
def bucket(s3: str, place: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[S3Store]:
    """An empty bucket, and the environment in which all S3 tools find it."""
    monkeypatch.setenv("AWS_ENDPOINT_URL", s3)
    monkeypatch.setenv("AWS_ALLOW_HTTP", "true")
    monkeypatch.setenv("AWS_REGION", "us-east-1")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "a-key")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "s3cret-s3cret")
    name = place.name
    httpx.put(f"{s3}/{name}").raise_for_status()
    objects._store.cache_clear()
    yield S3Store(name)
    objects._store.cache_clear()


@pytest.fixture
def own_service(
    settings: Settings, place: Path, request: pytest.FixtureRequest
) -> Iterator[Service]:
    """A service of this test's own."""
    del settings
    with Service(place, **getattr(request.module, "ENVIRONMENT", {})) as running:
        yield running


def _fastest_place() -> str:
    """Memory, where there is enough of it: most of a short test is the files of its database."""
    memory = Path("/dev/shm")
    roomy = memory.is_dir() and shutil.disk_usage(memory).free >= _ROOM
    return str(memory) if roomy and os.access(memory, os.W_OK) else "/tmp"
