"""Signing in with a browser: cookie, CSRF token, headers; and `/docs` under the strict CSP."""

import hashlib
import re
from collections.abc import Iterator
from typing import Any

import pytest
from fastapi.testclient import TestClient
from playwright.sync_api import sync_playwright
from pydantic import SecretStr
from tools.service import Service

from openhours.accounts.browser_sessions import COOKIE
from openhours.settings import Settings
from tests.helpers.chromium import ARGS, CHROMIUM, MISSING
from tests.helpers.clients import PASSWORD, bearer, make_keys, register, running

HTML = {"Accept": "text/html,*/*"}


def _token(client: TestClient) -> str:
    found = re.search(r'name="csrf_token" value="([0-9a-f]{64})"', client.get("/signin").text)
    assert found
    return found[1]


def _sign_in(client: TestClient, **fields: str) -> Any:
    return client.post("/signin", data={"csrf_token": _token(client), **fields})


@pytest.fixture
def keys(settings: Settings) -> list[str]:
    return make_keys(settings, [["report"], ["ingest"]])


@pytest.fixture
def client(settings: Settings, keys: list[str]) -> Iterator[TestClient]:
    with running(settings) as client:
        yield client


def test_a_page_asks_to_sign_in_and_goes_on_to_it(client: TestClient, keys: list[str]) -> None:
    answer = client.get("/reports?limit=5", headers=HTML)
    assert answer.status_code == 303
    assert answer.headers["location"] == "/signin?next=/reports%3Flimit%3D5"
    shown = client.get(answer.headers["location"])
    assert 'name="next" value="/reports?limit=5"' in shown.text

    entered = _sign_in(client, key=keys[0], next="/reports?limit=5")
    assert (entered.status_code, entered.headers["location"]) == (303, "/reports?limit=5")
    cookie = entered.headers["set-cookie"].lower()
    assert "httponly" in cookie
    assert "samesite=lax" in cookie
    assert "secure" not in cookie
    assert client.get("/reports", headers=HTML).status_code == 200
    assert client.get("/ingestions", headers=HTML).status_code == 403

    stolen = client.cookies[COOKIE]
    left = client.post("/signout", data={"csrf_token": _token(client)})
    assert left.status_code == 303
    client.cookies.set(COOKIE, stolen)
    assert client.get("/reports").status_code == 401


def test_the_cookie_is_secure_over_https(client: TestClient, keys: list[str]) -> None:
    client.base_url = "https://127.0.0.1:8000"
    assert "secure" in _sign_in(client, key=keys[0]).headers["set-cookie"].lower()


def test_a_user_signs_in_for_their_own_sessions(client: TestClient) -> None:
    register(client, "ann")
    assert _sign_in(client, username="Ann", password=PASSWORD).status_code == 303
    assert client.get("/api/v1/sessions/ann").status_code == 200
    assert client.get("/api/v1/sessions/bob").status_code == 403
    assert client.get("/reports", headers=HTML).status_code == 403
    # A request that changes something needs the token that only our own pages know.
    start = "/api/v1/sessions/ann/start"
    assert client.post(start).status_code == 403
    assert client.post(start, headers={"X-CSRF-Token": "0" * 64}).status_code == 403
    assert client.post(start, headers={"X-CSRF-Token": _token(client)}).status_code == 200


@pytest.mark.parametrize("fields", [{"key": "oh_nonsense"}, {"username": "a\0"}, {"key": "é"}, {}])
def test_who_cannot_sign_in_stays_on_the_form(client: TestClient, fields: dict[str, str]) -> None:
    answer = _sign_in(client, **fields)
    assert answer.status_code == 401
    assert 'role="alert"' in answer.text
    assert "set-cookie" not in answer.headers


def test_sign_in_is_not_forged_nor_sent_elsewhere(client: TestClient, keys: list[str]) -> None:
    assert client.post("/signin", data={"key": keys[0]}).status_code == 403
    token = _token(client)
    client.cookies.clear()
    assert client.post("/signin", data={"key": keys[0], "csrf_token": token}).status_code == 403
    large = {"key": "x" * 100_000}
    assert client.post("/signin", data=large).status_code == 413
    for elsewhere in ("//evil.example", "https://evil.example", "/\\evil.example", "/\t/evil", ""):
        entered = _sign_in(client, key=keys[0], next=elsewhere)
        assert entered.headers["location"] == "/"
    text = client.get("/signin", params={"next": '/"><script>'}).text
    assert "<script>" not in text


def test_who_plants_a_cookie_does_not_know_its_token(client: TestClient, keys: list[str]) -> None:
    client.cookies.set(COOKIE, "planted", domain="127.0.0.1")
    right = _token(client)
    guessed = hashlib.sha256(b"openhours csrf planted").hexdigest()
    data = {"key": keys[0], "csrf_token": guessed}
    assert right != guessed
    assert client.post("/signin", data=data).status_code == 403
    assert client.post("/signin", data=data | {"csrf_token": right}).status_code == 303


def test_another_secret_makes_other_tokens(settings: Settings) -> None:
    tokens = set()
    for secret in ("a" * 32, "b" * 32):
        with running(settings.model_copy(update={"secret": SecretStr(secret)})) as client:
            client.cookies.set(COOKIE, "planted", domain="127.0.0.1")
            tokens.add(_token(client))
    assert len(tokens) == 2


def test_every_response_has_the_headers(client: TestClient) -> None:
    for method, path in (
        ("GET", "/health"),
        ("GET", "/reports"),
        ("GET", "/nothing"),
        ("GET", "/signin"),
        ("GET", "/docs/start.js"),
        ("GET", "/redoc"),
        ("GET", "/redoc/start.js"),
        ("GET", "/docs/assets/swagger-ui.css"),
        ("POST", "/api/v1/user/login"),
    ):
        headers = client.request(method, path).headers
        policy = headers.get_list("content-security-policy")
        assert len(policy) == 1
        assert policy[0].startswith("default-src 'none'; script-src 'self'; style-src 'self'")
        assert "unsafe" not in policy[0]
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["x-frame-options"] == "DENY"
        assert headers["referrer-policy"] == "same-origin"
        assert "access-control-allow-origin" not in headers


def test_only_listed_sites_may_call_from_a_browser(settings: Settings) -> None:
    site = "https://app.example.org"
    with running(settings.model_copy(update={"cors_origins": (site,)})) as client:
        asked = {"Access-Control-Request-Method": "POST", "Origin": site}
        preflight = client.options("/api/v1/user/login", headers=asked)
        assert preflight.headers["access-control-allow-origin"] == site
        assert "x-frame-options" in preflight.headers
        answer = client.get("/health", headers={"Origin": "https://evil.example"})
        assert "access-control-allow-origin" not in answer.headers


@pytest.mark.browser
@pytest.mark.skipif(CHROMIUM is None, reason=MISSING)
def test_signing_in_and_the_docs_in_chromium(settings: Settings) -> None:
    admin = "an admin key of 24 chars"
    with (
        Service(
            settings.data_dir.parent, OPENHOURS_WORKER="0", OPENHOURS_ADMIN_KEY=admin
        ) as service,
        sync_playwright() as playwright,
    ):
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGS)
        page = browser.new_page()
        problems: list[str] = []
        page.on(
            "console", lambda said: problems.append(said.text) if said.type == "error" else None
        )
        page.on("pageerror", lambda error: problems.append(str(error)))
        page.on(
            "request",
            lambda asked: (
                None if asked.url.startswith((service.url, "data:")) else problems.append(asked.url)
            ),
        )
        page.goto(f"{service.url}/docs")
        assert page.url == f"{service.url}/signin?next=/docs"
        page.get_by_label("Key").fill(admin)
        page.get_by_role("button", name="Sign in with the key").click()
        page.wait_for_url(f"{service.url}/docs")
        page.locator("#operations-tag-reports").click()
        page.locator("#operations-reports-trigger_report").click()
        page.get_by_role("button", name="Try it out").click()
        with page.expect_response("**/trigger_report") as triggered:
            page.get_by_role("button", name="Execute").click()
        assert triggered.value.status == 200
        page.locator("#operations-tag-heartbeats").click()
        page.locator("#operations-heartbeats-track").click()
        track = page.locator("#operations-heartbeats-track")
        track.get_by_role("button", name="Try it out").click()
        with page.expect_response("**/track") as tracked:
            track.get_by_role("button", name="Execute").click()
        assert tracked.value.request.post_data == "{}"
        assert tracked.value.status == 201
        assert tracked.value.json()["pc"] == "default"
        # Redoc puts its styles in by script: its own policy lets these through and no others.
        page.goto(f"{service.url}/redoc")
        page.get_by_role("heading", name="openhours").wait_for()
        page.locator("[data-section-id='tag/reports']").first.wait_for()
        menu = page.locator(".menu-content")
        assert menu.evaluate("one => getComputedStyle(one).position") == "sticky"
        browser.close()
    assert problems == []


@pytest.mark.slow
def test_no_secret_is_in_the_logs(settings: Settings) -> None:
    """Of a full run, with a worker, at the most talkative level, with failures on the way."""
    admin = "an admin key of 24 chars"
    with Service(
        settings.data_dir.parent, OPENHOURS_LOG_LEVEL="DEBUG", OPENHOURS_ADMIN_KEY=admin
    ) as service:
        http = service.client
        body = {"username": "ann", "password": PASSWORD}
        user = http.post("/api/v1/user/register", json=body).json()["user"]
        http.post("/api/v1/user/register", json=body)
        http.post("/api/v1/user/login", json=body | {"password": "a wrong password"})
        new = http.post("/api/v1/user/refresh", json={"refresh_token": user["refresh_token"]})
        http.post("/api/v1/user/refresh", json={"refresh_token": user["refresh_token"]})
        http.get("/api/v1/user", headers=bearer(user["token"]))
        http.get("/api/v1/user", headers=bearer(user["token"][:-3]))
        http.get("/reports", headers=bearer("oh_a_key_that_is_none"))
        token = re.search('value="([0-9a-f]{64})"', http.get("/signin").text)
        assert token
        http.post("/signin", data={"csrf_token": token[1], "key": admin})
        http.headers.update(bearer(admin))
        csv = b"store_id,timestamp_utc,status\nx,2023-01-22 12:09:39 UTC,active\n"
        assert service.upload("status", csv)["state"] == "complete"
        assert service.wait_report(service.trigger()).status_code == 200
        secrets = [
            admin, PASSWORD, "a wrong password", "oh_a_key_that_is_none", token[1],
            *user.values(), *new.json()["user"].values(), http.cookies[COOKIE],
            (settings.data_dir / "secret").read_text(),
        ]  # fmt: skip
    log = service.log.read_text()
    assert "/api/v1/user/login" in log  # the log is a talkative one
    assert [one for one in secrets if one != "ann" and one in log] == []
