"""The audit log, and keys that are guessed."""

from collections.abc import Iterator
from datetime import timedelta

import pytest
from fastapi.testclient import TestClient
from tools.service import Service

from openhours.accounts import credentials
from openhours.accounts.audit import audit
from openhours.accounts.throttle import Limit
from openhours.settings import Settings
from tests.helpers.clients import PASSWORD, at, bearer, make_keys, register, running
from tests.helpers.command import openhours

USER = "/api/v1/user"


def test_every_sign_in_and_failure_has_a_line(settings: Settings, audit_lines: list[str]) -> None:
    key = make_keys(settings, [["report"]])[0]
    with running(settings) as client:
        user = register(client, "ann")
        body = {"username": "ANN", "password": PASSWORD}
        client.post(f"{USER}/register", json=body)
        client.post(f"{USER}/login", json=body)
        client.post(f"{USER}/login", json=body | {"password": "a wrong one"})
        client.post(f"{USER}/login", json={"username": "my secret", "password": "a wrong one"})
        client.post(f"{USER}/refresh", json={"refresh_token": user["refresh_token"]})
        client.post(f"{USER}/refresh", json={"refresh_token": user["refresh_token"]})
        client.get("/reports", headers=bearer(key))
        client.get("/reports", headers=bearer("oh_guess"))
    assert audit_lines == [
        'register who="ann" from="127.0.0.1" outcome="ok"',
        'register who="ANN" from="127.0.0.1" outcome="the username is taken"',
        'login who="ann" from="127.0.0.1" outcome="ok"',
        'login who="ann" from="127.0.0.1" outcome="wrong password"',
        'login who="unknown" from="127.0.0.1" outcome="wrong password"',
        'refresh who="ann" from="127.0.0.1" outcome="ok"',
        'refresh who="unknown" from="127.0.0.1" outcome="not valid, or used before"',
        'API key who="unknown" from="127.0.0.1" outcome="not valid, or no longer"',
    ]


def test_control_characters_cannot_forge_a_line(audit_lines: list[str]) -> None:
    audit("login", who="a\n2026 login\x1b[2J\x85\u2028\x7f", where="", outcome='"ok"')
    assert audit_lines == [
        r'login who="a\n2026 login\u001b[2J\u0085\u2028\u007f" from="unknown" outcome="\"ok\""'
    ]


@pytest.fixture
def client(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Iterator[TestClient]:
    monkeypatch.setattr(credentials, "MAX_KEY_GUESSES", Limit(3, timedelta(minutes=5)))
    with running(settings) as client:
        yield client


def test_guessed_keys_are_limited_by_address_and_known_keys_go_on(
    settings: Settings, client: TestClient, audit_lines: list[str]
) -> None:
    used, other = make_keys(settings, [["report"], ["report"]])
    elsewhere = at(client, "192.0.2.1")

    def ask(key: str, by: TestClient = client) -> int:
        return int(by.get("/reports", headers=bearer(key)).status_code)

    assert ask(used) == 200
    assert [ask(f"oh_guess{n}") for n in range(5)] == [401, 401, 401, 429, 429]
    assert ask(used) == 200  # what shares the address is not shut out
    assert ask(other) == 429  # but nobody guesses on
    assert ask(other, elsewhere) == 200
    limited = client.get("/reports", headers=bearer("oh_guess"))
    assert 1 <= int(limited.headers["retry-after"]) <= 300
    basic = client.get("/reports", auth=("any", "oh_guess"))
    assert basic.status_code == 429
    token = register(client, "ann")["token"]
    assert client.get(USER, headers=bearer(token)).status_code == 200
    assert client.get(USER, headers=bearer(f"{token}x")).status_code == 401
    assert len([line for line in audit_lines if line.startswith("API key")]) == 3


def test_old_tokens_are_no_guesses(settings: Settings, client: TestClient) -> None:
    make_keys(settings, [["report"]])
    for _ in range(5):
        assert client.get("/reports", headers=bearer("an.old.token")).status_code == 401


@pytest.mark.slow
def test_keys_made_and_revoked_have_a_line(settings: Settings) -> None:
    made = openhours("keys", "create", "--scope", "report", "--name", "night\njob")
    assert "openhours.audit: key made who=" in made.stderr
    assert r'outcome="night\njob: report"' in made.stderr
    assert made.stdout.strip() not in made.stderr
    assert 'outcome="key 1"' in openhours("keys", "revoke", "1").stderr
    assert 'outcome="there is no key 2"' in openhours("keys", "revoke", "2").stderr


@pytest.mark.slow
@pytest.mark.parametrize(
    "command",
    [Service.command, ("-m", "uvicorn", "openhours.app:app", "--port", "{port}")],
    ids=["serve", "uvicorn"],
)
def test_the_lines_are_in_the_log_however_the_service_was_started(
    settings: Settings, command: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Service, "command", command)
    with Service(
        settings.data_dir.parent, OPENHOURS_WORKER="0", OPENHOURS_LOG_LEVEL="ERROR"
    ) as service:
        body = {"username": "ann", "password": PASSWORD}
        assert service.client.post(f"{USER}/register", json=body).status_code == 200
        assert 'register who="ann" from="127.0.0.1" outcome="ok"' in service.story()
