"""What becomes of accounts: changed passwords, ends of sessions, users disabled and deleted."""

import pytest
from fastapi.testclient import TestClient

from openhours.accounts import administration
from openhours.settings import Settings
from tests.helpers.clients import PASSWORD, bearer, register, running
from tests.helpers.database import on_engine
from tests.helpers.html import post_form

USER = "/api/v1/user"
NEW = "staple gun on Mars"
BY = {"who": "root", "where": "here"}


def log_in(client: TestClient, password: str = PASSWORD) -> int:
    body = {"username": "zoe", "password": password}
    return int(client.post(f"{USER}/login", json=body).status_code)


def refresh(client: TestClient, user: dict[str, str]) -> int:
    body = {"refresh_token": user["refresh_token"]}
    return int(client.post(f"{USER}/refresh", json=body).status_code)


@pytest.mark.slow
def test_a_changed_password_ends_all_other_sessions(
    settings: Settings, audit_lines: list[str]
) -> None:
    with running(settings) as client:
        before = register(client, "zoe")
        body = {"old_password": PASSWORD, "new_password": NEW}
        answer = client.put(f"{USER}/password", json=body, headers=bearer(before["token"]))
        assert answer.status_code == 200
        assert (log_in(client), log_in(client, NEW)) == (401, 200)
        assert refresh(client, before) == 401
        assert refresh(client, answer.json()["user"]) == 200
    assert 'change password who="zoe" from="127.0.0.1" outcome="ok"' in audit_lines
    assert not [line for line in audit_lines if NEW in line or PASSWORD in line]


@pytest.mark.parametrize(
    ("old", "new", "status", "path"),
    [
        ("not the password", NEW, 401, None),
        (PASSWORD, "short", 422, ["body", "new_password"]),
        (PASSWORD, "12345678", 422, ["body", "new_password"]),
        ("", NEW, 422, ["body", "old_password"]),
    ],
)
def test_a_password_is_not_changed_to_a_bad_one_or_without_the_old(
    settings: Settings, old: str, new: str, status: int, path: list[str] | None
) -> None:
    with running(settings) as client:
        user = register(client, "zoe")
        body = {"old_password": old, "new_password": new}
        answer = client.put(f"{USER}/password", json=body, headers=bearer(user["token"]))
        assert answer.status_code == status
        if path:
            assert answer.json()["errors"][0]["path"] == path
        assert log_in(client) == 200


def test_guesses_of_the_old_password_are_limited(settings: Settings) -> None:
    with running(settings) as client:
        user = register(client, "zoe")
        body = {"old_password": "not the password", "new_password": NEW}
        answers = [
            client.put(f"{USER}/password", json=body, headers=bearer(user["token"])).status_code
            for _ in range(11)
        ]
    assert answers == [401] * 10 + [429]


@pytest.mark.slow
def test_signing_out_everywhere_ends_tokens_and_cookies(settings: Settings) -> None:
    with running(settings) as client, running(settings) as browser:
        user = register(client, "zoe")
        post_form(browser, "/signin", username="zoe", password=PASSWORD)
        assert browser.get("/timer").status_code == 200
        out = client.post(f"{USER}/sign_out_everywhere", headers=bearer(user["token"]))
        assert (out.status_code, out.content) == (204, b"")
        assert refresh(client, user) == 401
        assert browser.get("/timer", follow_redirects=False).status_code != 200
        assert log_in(client) == 200


def test_a_disabled_account_is_of_no_use_until_it_is_enabled(
    settings: Settings, database_url: str
) -> None:
    def set_disabled(disabled: bool) -> None:
        on_engine(
            database_url,
            lambda engine: administration.set_disabled(engine, "ZOE", disabled, **BY),
        )

    with running(settings) as client:
        user = register(client, "zoe")
        set_disabled(True)
        assert (log_in(client), log_in(client, "not the password")) == (403, 401)
        assert refresh(client, user) == 401
        set_disabled(False)
        assert log_in(client) == 200
        assert refresh(client, user) == 401, "what was ended stays so"


def test_a_deleted_account_is_gone_with_its_sessions(
    settings: Settings, database_url: str, audit_lines: list[str]
) -> None:
    with running(settings) as client:
        user = register(client, "zoe")
        client.post("/api/v1/sessions/zoe/start", json={"name": "x"}, headers=bearer(user["token"]))
        on_engine(database_url, lambda engine: administration.delete_user(engine, "zoe", **BY))
        assert client.get(USER, headers=bearer(user["token"])).status_code == 401
        assert log_in(client) == 401
        assert register(client, "zoe")["username"] == "zoe"
    assert 'delete user zoe who="root" from="here" outcome="ok"' in audit_lines
