"""Fixtures of ingestion: a loader, and the child process in which it loads."""

from collections.abc import Iterator

import pytest

from openhours.process_pool import Processes
from openhours.settings import Settings
from tests.ingestion.loader import Loader


@pytest.fixture(scope="session")
def processes() -> Iterator[Processes]:
    """A pool of one child process."""
    pool = Processes(1)
    yield pool
    pool.close()


@pytest.fixture
def loader(settings: Settings, processes: Processes) -> Loader:
    """A loader into this test's own database."""
    settings.data_dir.mkdir()
    return Loader(settings, processes)
