"""The application in this process, empty and with data; and a real browser on a real service."""

import asyncio
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from fastapi.testclient import TestClient
from playwright.sync_api import Browser, BrowserContext, Page, Playwright, expect, sync_playwright
from pydantic import SecretStr
from tools.service import Service

from openhours.accounts import throttle
from openhours.accounts.throttle import Limit
from openhours.settings import Settings
from tests.conftest import new_service
from tests.helpers import stock
from tests.helpers.chromium import ARGS, CHROMIUM, MISSING
from tests.helpers.clients import PASSWORD, running
from tests.helpers.html import post_form
from tests.helpers.new_database import new_database

ZONE = "America/Denver"
_users = iter(range(1000))
PATIENCE = 20_000  # ms: a page may be shown late on a busy machine
expect.set_options(timeout=PATIENCE)


@pytest.fixture(scope="session")
def empty_app(server_url: str, folder: Path) -> Iterator[TestClient]:
    with new_database(server_url) as url, running(_settings(url, folder)) as client:
        yield client


@pytest.fixture(scope="session")
def stocked_settings(server_url: str, folder: Path) -> Iterator[Settings]:
    with new_database(server_url) as url:
        asyncio.run(stock.fill(url))
        yield _settings(url, folder)


@pytest.fixture(scope="session")
def stocked_app(stocked_settings: Settings) -> Iterator[TestClient]:
    with running(stocked_settings) as client:
        stock.send(client)
        yield client


@pytest.fixture
def empty(empty_app: TestClient) -> TestClient:
    """A visitor who was never here before, of a service without any data."""
    empty_app.cookies.clear()
    return empty_app


@pytest.fixture
def stocked(stocked_app: TestClient) -> TestClient:
    """A visitor who was never here before, of a service with data."""
    stocked_app.cookies.clear()
    return stocked_app


@pytest.fixture
def user(empty: TestClient, monkeypatch: pytest.MonkeyPatch) -> Iterator[TestClient]:
    """A new user in Denver who has signed up in this browser."""
    monkeypatch.setattr(throttle, "REGISTRATIONS", Limit(1000, timedelta(hours=1)))
    name = f"user {next(_users)}"
    answer = post_form(
        empty, "/signup", username=name, password=PASSWORD, timezone="America/Denver"
    )
    assert (answer.status_code, answer.headers["location"]) == (303, "/timer")
    yield empty
    post_form(empty, "/signout")


def _settings(url: str, folder: Path) -> Settings:
    return Settings(
        database_url=SecretStr(url), data_dir=folder / "home", inbox=folder / "no-inbox"
    )


@pytest.fixture(scope="module")
def service(server_url: str, folder: Path, request: pytest.FixtureRequest) -> Iterator[Service]:
    """A service of the module's own, with nothing in it, told what its ENVIRONMENT says."""
    if CHROMIUM is None:
        pytest.skip(MISSING)
    environment = {"OPENHOURS_PROCESSES": "1", **getattr(request.module, "ENVIRONMENT", {})}
    with new_service(server_url, folder, **environment) as running:
        yield running


@pytest.fixture(scope="module")
def playwright(service: Service) -> Iterator[Playwright]:
    """It has an event loop in this thread: no other can begin or end before it is gone."""
    del service
    with sync_playwright() as started:
        yield started


@pytest.fixture(scope="module")
def browser(playwright: Playwright) -> Iterator[Browser]:
    browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGS)
    yield browser
    browser.close()


def watched(page: Page, url: str) -> list[str]:
    """What a page must not do: log an error, or ask another host. It is listed as it happens."""
    faults: list[str] = []
    page.on("console", lambda said: faults.append(said.text) if said.type == "error" else None)
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.on(
        "request",
        lambda asked: None if asked.url.startswith((url, "data:")) else faults.append(asked.url),
    )
    return faults


def tell_zone(context: BrowserContext, url: str) -> None:
    """Let the server know the zone: else it shows the first page twice, the first time in UTC."""
    context.add_cookies([{"name": "zone", "value": ZONE, "url": url}])


@pytest.fixture
def page(browser: Browser, service: Service) -> Iterator[Page]:
    """A visitor in Denver, which the server knows; at the end there was no fault."""
    context = browser.new_context(base_url=service.url, timezone_id=ZONE, accept_downloads=True)
    tell_zone(context, service.url)
    context.set_default_timeout(PATIENCE)
    page = context.new_page()
    faults = watched(page, service.url)
    yield page
    context.close()
    assert faults == []


def good_for_all(page: Page) -> None:
    """axe finds nothing wrong, neither in the light theme nor in the dark one."""
    # All but the contrast is the same in both.
    for scheme, rules in (("light", {}), ("dark", {"runOnly": ["color-contrast"]})):
        page.emulate_media(color_scheme="dark" if scheme == "dark" else "light")
        found = Axe().run(page, options={"resultTypes": ["violations"], **rules})
        problems = [
            (scheme, page.url, one["id"], [node["html"][:200] for node in one["nodes"]])
            for one in found.response["violations"]
        ]
        assert problems == []
    page.emulate_media(color_scheme="light")


def drop(page: Page, files: dict[str, bytes]) -> None:
    """Drop files on the page, all at once."""
    page.evaluate(
        """(files) => {
            const data = new DataTransfer();
            for (const [name, text] of files) data.items.add(new File([text], name));
            document.body.dispatchEvent(
                new DragEvent("drop", { dataTransfer: data, bubbles: true, cancelable: true }));
        }""",
        [[name, content.decode()] for name, content in files.items()],
    )
