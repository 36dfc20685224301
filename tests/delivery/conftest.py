"""Senders that look often."""

from collections.abc import Iterator
from datetime import timedelta

import pytest

from openhours.delivery import sender, tries
from tests.helpers.webhook_receiver import Receiver


@pytest.fixture(autouse=True)
def clocks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Look often, and try again only when a test says so."""
    monkeypatch.setattr(sender, "_LOOK_INTERVAL", 0.01)
    monkeypatch.setattr(tries, "FIRST_PAUSE", timedelta(minutes=5))


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    """A receiver of webhooks."""
    with Receiver() as running:
        yield running
