"""One server for all tests of a file that need no more than one."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from tools.service import Service

from tests.conftest import new_service


@pytest.fixture(scope="module")
def service(server_url: str, folder: Path) -> Iterator[Service]:
    """A server without worker on a database of its own; each test has its own PCs."""
    with new_service(server_url, folder, OPENHOURS_WORKER="0") as running:
        yield running
