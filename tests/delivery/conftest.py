"""Senders that look often."""

from collections.abc import Iterator

import pytest

from openhours.delivery import sender
from tests.helpers.webhook_receiver import Receiver


@pytest.fixture(autouse=True)
def look_often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sender, "_LOOK_INTERVAL", 0.01)


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    """A receiver of webhooks."""
    with Receiver() as running:
        yield running
