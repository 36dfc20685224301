from collections.abc import Iterator

import pytest

from openhours.settings import Settings
from tests.reports.computing import Reports, reporting


@pytest.fixture
def reports(settings: Settings) -> Iterator[Reports]:
    """The application on this test's database."""
    with reporting(settings) as reports:
        yield reports
