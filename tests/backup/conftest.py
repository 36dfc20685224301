"""Places to back up, and empty ones to restore into."""

import os
import secrets
from collections.abc import Iterator
from pathlib import Path

import pytest
from pydantic import SecretStr
from sqlalchemy.engine import make_url

from openhours.settings import Settings
from tests.helpers.database import fetch


@pytest.fixture
def backup_file(place: Path) -> Path:
    return place / "openhours.backup"


@pytest.fixture
def empty_url(server_url: str) -> Iterator[str]:
    """The URL of a database without tables."""
    name = f"empty_{secrets.token_hex(6)}"
    fetch(server_url, f"CREATE DATABASE {name}")
    yield make_url(server_url).set(database=name).render_as_string(hide_password=False)
    fetch(server_url, f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture
def elsewhere(settings: Settings, empty_url: str, place: Path) -> Settings:
    """Settings of an empty place."""
    empty = {"database_url": SecretStr(empty_url), "data_dir": place / "elsewhere"}
    return settings.model_copy(update=empty)


@pytest.fixture
def no_settings(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in os.environ:
        if name.startswith("OPENHOURS_") or name in ("DATABASE_URL", "DB_URL"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("OPENHOURS_PROCESSES", "1")
    monkeypatch.chdir(place)
