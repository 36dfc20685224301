"""The application in this process, and the people and machines who call it."""

import asyncio
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import cast
from unittest.mock import patch

from fastapi import FastAPI
from fastapi.testclient import TestClient

from openhours import app as application
from openhours.accounts.keys import create_key
from openhours.api.dependencies import SETTINGS
from openhours.app import create_app
from openhours.db import database
from openhours.db.engine import make_engine
from openhours.settings import Settings
from tests.helpers.kept_database import KeptDatabase

URL = "http://127.0.0.1:8000"
PASSWORD = "correct horse battery"

# Applications that have stopped, by their settings: FastAPI takes as long to prepare our routes as
# for ten requests, so most tests start one again, with another database.
_stopped: dict[str, FastAPI] = {}


@contextmanager
def running(settings: Settings) -> Iterator[TestClient]:
    """A client of an application that has started, without a worker."""
    without_worker = settings.model_copy(update={"worker": False})
    kind = without_worker.model_dump_json(exclude={"database_url", "data_dir", "inbox"})
    app = _stopped.pop(kind, None) or create_app(without_worker)
    SETTINGS.set(app, without_worker)
    here = ("127.0.0.1", 50_000)
    client = TestClient(app, URL, follow_redirects=False, client=here)
    with _started(client, KeptDatabase.of(settings)):
        yield client
    _stopped[kind] = app


@contextmanager
def _started(client: TestClient, kept: KeptDatabase | None) -> Iterator[None]:
    """The client's application runs; on a kept database with the connections of the one before."""
    if kept is None:
        with _quick_start(), client:
            yield
        return
    app = cast("FastAPI", client.app)
    start = kept.portal.wrap_async_context_manager(app.router.lifespan_context(app))
    with patch.object(application, "leave_what_is_loaded"), kept.lend_connections(), start:
        client.portal = kept.portal
        yield


@contextmanager
def _quick_start() -> Iterator[None]:
    """Leave out what takes half of a start: services that are started as commands do it."""

    async def at_once(settings: Settings, url: str) -> None:
        """The tests' server is there, without a pooler: two connections fewer."""

    with (
        patch.object(database, "_wait_for_database", at_once),
        patch.object(application, "leave_what_is_loaded"),
    ):
        yield


def at(client: TestClient, address: str) -> TestClient:
    """A client of the same application, at another address."""
    other = TestClient(client.app, URL, follow_redirects=False, client=(address, 50_000))
    other.portal = client.portal  # the event loop in which the application has started
    return other


def bearer(credential: str) -> dict[str, str]:
    """The header that carries a credential."""
    return {"Authorization": f"Bearer {credential}"}


def register(client: TestClient, username: str, **more: str) -> dict[str, str]:
    """A new user's username, token and refresh_token."""
    answer = client.post(
        "/api/v1/user/register", json={"username": username, "password": PASSWORD, **more}
    )
    assert answer.status_code == 200, answer.text
    user: dict[str, str] = answer.json()["user"]
    return user


def make_keys(settings: Settings, all_scopes: Sequence[Sequence[str]]) -> list[str]:
    """API keys, made as `openhours keys create` makes them."""
    assert settings.database_url is not None
    url = settings.database_url.get_secret_value()

    async def make() -> list[str]:
        engine = make_engine(url)
        keys = [await create_key(engine, " ".join(scopes), scopes) for scopes in all_scopes]
        await engine.dispose()
        return keys

    return asyncio.run(make())
