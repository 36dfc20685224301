"""Every route x who asks -> what is answered. A route without a line here fails the test."""

import re
from collections.abc import Iterator
from datetime import timedelta
from typing import Any
from uuid import uuid4

import jwt
import pytest
from fastapi.testclient import TestClient

from openhours.access import TABLE
from openhours.accounts import tokens
from openhours.accounts.tokens import AccessTokens, UserName
from openhours.settings import Settings
from tests.helpers.clients import bearer, make_keys, register, running

SCOPES = ("ingest", "track", "report", "admin")
WHO = ("nobody", *SCOPES, "user", "other", "expired", "alg none", "wrong key", "nonsense")

# Where access is granted, what is answered follows from the request; elsewhere 401 or 403.
OPEN: dict[str, int | None] = dict.fromkeys(WHO)
# Open, but only to the form of our own page: see test_browser.py.
OWN_FORM: dict[str, int | None] = dict.fromkeys(WHO, 403)


def only(*granted: str, other: int = 403) -> dict[str, int | None]:
    """Granted to these; who is known is forbidden, who is not is unauthorized."""
    answers: dict[str, int | None] = dict.fromkeys(WHO, 401)
    answers |= dict.fromkeys((*SCOPES, "user"), 403) | {"other": other}
    return answers | dict.fromkeys(granted)


INGEST, TRACK, REPORT = (only(scope, "admin") for scope in ("ingest", "track", "report"))
ADMIN = only("admin")
KNOWN = only(*SCOPES, "user", "other")
USER = only("user", "other")
OWNER = only("user")


def own_form(answers: dict[str, int | None]) -> dict[str, int | None]:
    """As `answers`, but whom it grants access still needs the form of our own page."""
    return {who: 403 if answer is None else answer for who, answer in answers.items()}


ROUTES: dict[str, dict[str, int | None]] = {
    "GET /health": OPEN,
    "POST /ingest/{kind}": INGEST,
    "GET /ingestions": INGEST,
    "GET /ingestions/{ingestion_id}": INGEST,
    "GET /ingestions/{ingestion_id}/rejects.csv": INGEST,
    "POST /track": TRACK,
    "POST /track/batch": TRACK,
    "GET /track/events": REPORT,
    "POST /visit": TRACK,
    "GET /stats": REPORT,
    "GET /stats/pages": REPORT,
    "POST /api/event": TRACK,
    "GET /api/events": REPORT,
    "GET /api/events/counts": REPORT,
    "GET /metrics": REPORT,
    "POST /trigger_report": REPORT,
    "GET /get_report": REPORT,
    "GET /get_report/{report_id}": REPORT,
    "GET /reports": REPORT,
    "GET /api/stores/{store_id:text}/timeline": REPORT,
    "GET /api/stores/{store_id:text}/explain": REPORT,
    "POST /api/v1/user/register": OPEN,
    "POST /api/v1/user/login": OPEN,
    "POST /api/v1/user/refresh": OPEN,
    "GET /api/v1/user": USER,
    "PATCH /api/v1/user": USER,
    "POST /api/v1/sessions/new": OWNER,
    "GET /api/v1/sessions/{username}": OWNER,
    "GET /api/v1/sessions/{username}.csv": OWNER,
    "GET /api/v1/sessions/{username}/overview": OWNER,
    "POST /api/v1/sessions/{username}/start": OWNER,
    "POST /api/v1/sessions/{username}/stop": OWNER,
    "PATCH /api/v1/sessions/{username}/{session_id}": OWNER,
    "DELETE /api/v1/sessions/{username}/{session_id}": OWNER,
    "GET /": REPORT,
    # Not in the OpenAPI description
    "GET /docs": KNOWN,
    "GET /docs/start.js": OPEN,
    "GET /redoc": KNOWN,
    "GET /redoc/start.js": OPEN,
    "GET /redoc/bundle.js": OPEN,
    "GET /docs/assets/{path:path}": OPEN,
    "GET /openapi.json": KNOWN,
    "GET /signin": OPEN,
    "POST /signin": OWN_FORM,
    "POST /signup": OWN_FORM,
    "POST /signout": OWN_FORM,
    # Pages
    "GET /static/{path:path}": OPEN,
    "GET /files/{ingestion_id}": INGEST,
    "GET /stores": REPORT,
    "GET /stores/{store_id:text}": REPORT,
    "POST /reports/new": own_form(REPORT),
    "GET /reports/{report_id}": REPORT,
    "GET /pcs": REPORT,
    "GET /traffic": REPORT,
    "GET /activity": REPORT,
    "POST /activity": own_form(TRACK),
    "GET /timer": USER,
    "POST /timer/start": own_form(USER),
    "POST /timer/stop": own_form(USER),
    "POST /timer/zone": own_form(USER),
    "POST /timer/{session_id}": own_form(USER),
    "POST /timer/{session_id}/delete": own_form(USER),
}
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
        accounts: AccessTokens = client.app.state.accounts.tokens  # type: ignore[attr-defined]
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


def test_every_route_has_a_line(settings: Settings) -> None:
    with running(settings) as client:
        paths = client.get("/openapi.json").json()["paths"]
    described = {
        f"{method.upper()} {path}" for path, operations in paths.items() for method in operations
    }
    assert described <= {re.sub(":[a-z]+}", "}", route) for route in ROUTES}
    assert set(ROUTES) == set(TABLE.routes)


def test_access(callers: tuple[TestClient, dict[str, dict[str, str]]]) -> None:
    client, headers = callers
    wrong = []
    for route, answers in ROUTES.items():
        method, path = route.split(" ", 1)
        path = path.replace("{username}", "ann").replace("{session_id}", "1")
        path = path.replace("{kind}", "status").replace("{path:path}", "swagger-ui.css")
        for who, expected in answers.items():
            client.cookies.clear()
            answer = client.request(method, path, headers=headers[who], json=BODIES.get(route))
            refused = answer.status_code in (401, 403, 405) or answer.status_code >= 500
            found = answer.status_code if refused else None
            if found != expected:
                wrong.append((route, who, expected, answer.status_code))
    assert wrong == []


def test_a_path_that_nobody_listed_is_not_there(settings: Settings) -> None:
    with running(settings) as client:
        app: Any = client.app
        app.add_api_route("/forgotten", lambda: "open by oversight")
        assert client.get("/forgotten").status_code == 404
        assert client.delete("/reports").status_code == 405
        assert client.get("/reports/").headers["location"].endswith("/reports")


def test_without_any_key_machines_are_answered_and_users_need_theirs(settings: Settings) -> None:
    with running(settings) as client:
        assert client.get("/reports").status_code == 200
        assert client.get("/reports", headers=bearer("nonsense")).status_code == 200
        assert client.get("/api/v1/sessions/ann").status_code == 401
        foreign = {"Origin": "https://evil.example"}
        assert client.post("/trigger_report", headers=foreign).status_code == 403
        assert client.get("/reports", headers={"Host": "[bad"}).status_code == 200


def test_a_token_of_no_user_is_unauthorized(settings: Settings) -> None:
    with running(settings) as client:
        accounts: AccessTokens = client.app.state.accounts.tokens  # type: ignore[attr-defined]
        ghost = bearer(accounts.make(UserName(uuid4(), "ann")))
        new = BODIES["POST /api/v1/sessions/new"]
        assert client.post("/api/v1/sessions/new", json=new, headers=ghost).status_code == 401
        assert client.get("/api/v1/sessions/ann/overview", headers=ghost).status_code == 401
        assert client.get("/api/v1/user", headers=ghost).status_code == 401
