"""Every route x who asks -> what is answered. A route without a line here fails the test."""

import re
from collections.abc import Iterator
from datetime import timedelta
from typing import Any, cast
from uuid import uuid4

import jwt
import pytest
from fastapi import APIRouter, FastAPI
from fastapi.testclient import TestClient

from openhours.access import TABLE
from openhours.accounts import tokens
from openhours.accounts.access_control import Needs
from openhours.accounts.credentials import ACCOUNTS
from openhours.accounts.tokens import UserName
from openhours.app import create_app
from openhours.settings import Settings
from tests.helpers.clients import URL, bearer, make_keys, register, running

SCOPES = ("ingest", "track", "report", "correct", "metrics", "admin")
WHO = ("nobody", *SCOPES, "user", "other", "expired", "alg none", "wrong key", "nonsense")

# What each need grants to, in words of its own: None where the answer follows from the request.
Answers = dict[str, int | None]


def only(*granted: str, other: int = 403) -> Answers:
    """Granted to these; who is known is forbidden, who is not is unauthorized."""
    answers: Answers = dict.fromkeys(WHO, 401)
    answers |= dict.fromkeys((*SCOPES, "user"), 403) | {"other": other}
    return answers | dict.fromkeys(granted)


GRANTED: dict[str, Answers] = {
    "open": dict.fromkeys(WHO),
    "known": only(*SCOPES, "user", "other"),
    "user": only("user", "other"),
    **{scope: only(scope, "admin") for scope in SCOPES},
    "metrics": only("metrics", "report", "admin"),
}
# Whose sessions these are decides the package, not the table.
OWNED = "/api/v1/sessions/"
# What must not change by a slip in the table.
PINNED = {
    "open": ("GET /health", "POST /api/v1/user/login", "GET /signin"),
    "ingest": (
        "POST /ingest/{kind}",
        "DELETE /ingestions/{ingestion_id}",
        "GET /ingestions",
        "GET /files/{ingestion_id}",
    ),
    "track": ("POST /track", "POST /visit", "POST /api/event", "POST /activity"),
    "report": ("POST /trigger_report", "GET /get_report", "GET /stores", "GET /"),
    "correct": ("POST /corrections", "DELETE /corrections/{correction_id}"),
    "metrics": ("GET /metrics",),
    "user": ("GET /timer", "PATCH /api/v1/user"),
}


def expected(route: str, needs: Needs) -> Answers:
    """Return what each caller is answered on the route."""
    answers = GRANTED[needs.who]
    if route.partition(" ")[2].startswith(OWNED):
        answers = only("user")
    if needs.form:  # open, but only to the form of our own page: see test_browser.py
        answers = {who: 403 if answer is None else answer for who, answer in answers.items()}
    return answers


BODIES: dict[str, Any] = {
    "POST /api/v1/sessions/new": {
        "username": "ann",
        "name": "",
        "time": 0,
        "createdAt": "2024-01-01T00:00:00Z",
    },
    "PATCH /api/v1/user": {"timezone": "UTC"},
}


def _forged(token: str, secret: str, algorithm: str) -> str:
    claims = jwt.decode(token, options={"verify_signature": False})
    return jwt.encode(claims, secret, algorithm)


@pytest.fixture
def callers(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> Iterator[tuple[TestClient, dict[str, dict[str, str]]]]:
    """A service with keys, and the headers of all who ask."""
    keys = make_keys(settings, [[scope] for scope in SCOPES])
    with running(settings) as client:
        ann, bob = register(client, "ann")["token"], register(client, "bob")["token"]
        accounts = ACCOUNTS.of(cast("FastAPI", client.app)).tokens
        claims = jwt.decode(ann, options={"verify_signature": False})
        with monkeypatch.context() as patch:
            patch.setattr(tokens, "ACCESS_LIFE", timedelta(seconds=-1))
            expired = accounts.make(UserName(claims["sub"], "ann"))
        credentials = dict(zip(SCOPES, keys, strict=True)) | {
            "user": ann,
            "other": bob,
            "expired": expired,
            "alg none": _forged(ann, "", "none"),
            "wrong key": _forged(ann, "x" * 32, "HS256"),
            "nonsense": "nonsense",
        }
        yield client, {"nobody": {}} | {who: bearer(one) for who, one in credentials.items()}


@pytest.mark.slow
def test_the_table_and_the_routes_are_the_same(settings: Settings) -> None:
    forgotten = APIRouter()
    forgotten.add_api_route("/forgotten", lambda: "open by oversight")
    with pytest.raises(LookupError, match="GET /forgotten"):
        TABLE.check([forgotten])
    with running(settings) as client:
        paths = client.get("/openapi.json").json()["paths"]
    described = {
        f"{method.upper()} {path}" for path, operations in paths.items() for method in operations
    }
    assert described <= {re.sub(":[a-z]+}", "}", route) for route in TABLE.routes}


def test_what_must_not_become_open_by_a_slip() -> None:
    for who, routes in PINNED.items():
        assert {TABLE.routes[route].who for route in routes} == {who}
    open_ = {route for route, needs in TABLE.routes.items() if needs.who == "open"}
    assert {route.split(" ")[1].split("/")[1] for route in open_} <= {
        "api", "docs", "health", "redoc", "signin", "signout", "signup",
    }  # fmt: skip


@pytest.mark.slow
def test_access(callers: tuple[TestClient, dict[str, dict[str, str]]]) -> None:
    client, headers = callers
    wrong = []
    for route, needs in TABLE.routes.items():
        method, path = route.split(" ", 1)
        path = path.replace("{username}", "ann").replace("{session_id}", "1")
        path = path.replace("{kind}", "status")
        for who, wanted in expected(route, needs).items():
            client.cookies.clear()
            answer = client.request(method, path, headers=headers[who], json=BODIES.get(route))
            refused = answer.status_code in (401, 403, 405) or answer.status_code >= 500
            found = answer.status_code if refused else None
            if found != wanted:
                wrong.append((route, who, wanted, answer.status_code))
    assert wrong == []


def test_a_path_that_nobody_listed_is_not_there(settings: Settings) -> None:
    app = create_app(settings.model_copy(update={"worker": False}))
    app.add_api_route("/forgotten", lambda: "open by oversight")
    with TestClient(app, URL, follow_redirects=False) as client:
        assert client.get("/forgotten").status_code == 404
        assert client.get("/nowhere").status_code == 404
        assert client.delete("/reports").status_code == 405
        assert client.get("/reports/").headers["location"].endswith("/reports")


def test_without_any_key_machines_are_answered_and_users_need_theirs(settings: Settings) -> None:
    with running(settings) as client:
        assert client.get("/reports").status_code == 200
        assert client.get("/reports", headers=bearer("nonsense")).status_code == 200
        assert client.get("/api/v1/sessions/ann").status_code == 401
        foreign = {"Origin": "https://evil.example"}
        assert client.post("/trigger_report", headers=foreign).status_code == 403


def test_a_token_of_no_user_is_unauthorized(settings: Settings) -> None:
    with running(settings) as client:
        accounts = ACCOUNTS.of(cast("FastAPI", client.app)).tokens
        ghost = bearer(accounts.make(UserName(uuid4(), "ann")))
        new = BODIES["POST /api/v1/sessions/new"]
        assert client.post("/api/v1/sessions/new", json=new, headers=ghost).status_code == 401
        assert client.get("/api/v1/sessions/ann/overview", headers=ghost).status_code == 401
        assert client.get("/api/v1/user", headers=ghost).status_code == 401
