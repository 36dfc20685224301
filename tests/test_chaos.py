"""kill -9 of any process, drawn at random, while everything goes on: `make chaos`, shorter."""

import secrets
from pathlib import Path

import pytest
from tools.chaos.run import run as chaos

KILLS = 5


@pytest.mark.slow
@pytest.mark.usefixtures("settings")
def test_whatever_is_killed_nothing_acknowledged_is_lost_doubled_or_stuck(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Everything at once on two servers, one embedded database, and kills of any process."""
    monkeypatch.delenv("DATABASE_URL")
    seed = secrets.randbelow(1_000_000)
    outcome = chaos(place, seed, KILLS)
    assert outcome.problems == [], f"seed {seed}"
    assert outcome.faults.total() == KILLS
    assert all(outcome.acknowledged.values()), outcome
