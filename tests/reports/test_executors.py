"""Where partitions are computed."""

import asyncio
import sys
from collections.abc import Iterator

import pytest

from openhours.process_pool import Processes
from openhours.reports import executors
from openhours.reports.executors import (
    ClusterAwayError,
    ClusterMissingError,
    LocalExecutor,
    open_executor,
)
from openhours.settings import Settings

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
