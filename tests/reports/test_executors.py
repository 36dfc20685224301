"""Where partitions are computed."""

import asyncio
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from openhours.errors import SettingsError
from openhours.process_pool import Processes
from openhours.reports import executors
from openhours.reports.executors import (
    ClusterAwayError,
    ClusterMissingError,
    LocalExecutor,
    open_executor,
)
from openhours.settings import Settings

pytestmark = pytest.mark.slow

URL = "postgresql://nowhere.invalid/none"


@pytest.fixture
def processes() -> Iterator[Processes]:
    pool = Processes(3)
    yield pool
    pool.close()


def test_without_a_scheduler_child_processes_compute(
    settings: Settings, processes: Processes
) -> None:
    async def scenario() -> int:
        async with open_executor(settings, processes, URL) as executor:
            assert isinstance(executor, LocalExecutor)
            return executor.parallelism

    assert asyncio.run(scenario()) == 3


def test_a_scheduler_that_is_away_is_an_error(
    settings: Settings, processes: Processes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(executors, "_CONNECT_TIMEOUT", "0.5s")
    away = settings.model_copy(update={"dask_scheduler": "tcp://127.0.0.1:9"})

    async def scenario() -> None:
        async with open_executor(away, processes, URL):
            pass

    with pytest.raises(ClusterAwayError, match=r"127\.0\.0\.1:9 cannot be reached"):
        asyncio.run(scenario())


def test_a_scheduler_without_dask_is_an_error_before_anything_begins(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    executors.check(settings)
    named = settings.model_copy(update={"dask_scheduler": "tcp://127.0.0.1:9"})
    executors.check(named)
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(ClusterMissingError, match=r"pip install 'openhours\[cluster\]'"):
        executors.check(named)


@pytest.mark.parametrize(
    "scheduler",
    [
        "tcp://10.1.2.3:8786",
        "tcp://scheduler.example.org:8786",
        "tcp://0.0.0.0:8786",
        "tcp://[2001:db8::1]:8786",
        "ucx://127.0.0.1:8786",
        "ws://127.0.0.1:8786",
        "127.0.0.1:8786",
        "tcp://[::1:8786",
    ],
)
def test_a_scheduler_that_everyone_could_use_is_refused_before_anything_begins(
    settings: Settings, scheduler: str
) -> None:
    named = settings.model_copy(update={"dask_scheduler": scheduler})
    with pytest.raises(SettingsError, match=r"is refused: .* tls://host:port, and set OPENHOURS_"):
        executors.check(named)


@pytest.mark.parametrize("host", ["127.0.0.1", "127.8.8.8", "[::1]", "localhost"])
def test_a_plain_scheduler_on_this_machine_is_taken(settings: Settings, host: str) -> None:
    executors.check(settings.model_copy(update={"dask_scheduler": f"tcp://{host}:8786"}))


def test_tls_needs_all_three_files_and_they_must_be_certificates(
    settings: Settings, place: Path
) -> None:
    junk = place / "junk.pem"
    junk.write_text("no certificate")
    files = {"dask_tls_ca_file": junk, "dask_tls_cert": junk, "dask_tls_key": place / "none.pem"}
    named = settings.model_copy(update={"dask_scheduler": "tls://10.1.2.3:8786"})
    with pytest.raises(SettingsError, match=r"DASK_TLS_CA_FILE must name a PEM file .*: unset"):
        executors.check(named)
    with pytest.raises(SettingsError, match=r"DASK_TLS_KEY must name a PEM file .*none\.pem"):
        executors.check(named.model_copy(update=files))
    with pytest.raises(SettingsError, match="cannot be read"):
        executors.check(named.model_copy(update={**files, "dask_tls_key": junk}))
    # Files without TLS were meant to protect something.
    plain = named.model_copy(update={**files, "dask_scheduler": "tcp://127.0.0.1:8786"})
    with pytest.raises(SettingsError, match="is refused"):
        executors.check(plain)
