"""API keys: made, listed and revoked by the command, noticed by servers that run."""

from datetime import UTC, datetime, timedelta

import httpx
import pytest
from tools.service import Service

from openhours.accounts import keys
from openhours.accounts.keys import create_key
from openhours.errors import Invalid
from openhours.settings import Settings
from openhours.times import now
from tests.helpers.clients import bearer, make_keys, running
from tests.helpers.command import openhours
from tests.helpers.database import fetch, on_engine
from tests.helpers.waiting import wait_for


def _wait_for(url: str, status: int, key: str = "") -> None:
    headers = bearer(key) if key else {}
    wait_for(lambda: httpx.get(url, headers=headers).status_code == status)


@pytest.mark.slow
def test_a_key_closes_the_service_and_a_revoked_one_does_not_open_it(settings: Settings) -> None:
    with Service(settings.data_dir.parent, OPENHOURS_WORKER="0") as service:
        reports = f"{service.url}/reports"
        assert httpx.get(reports).status_code == 200
        rebound = {"Host": "evil.example"}
        assert httpx.get(reports, headers=rebound).status_code == 403
        made = openhours("keys", "create", "--scope", "report", "--scope", "track", "--name", "me")
        assert made.returncode == 0, made.stderr
        key = made.stdout.strip()
        _wait_for(reports, 401)
        assert httpx.get(reports, headers=bearer(key)).status_code == 200
        assert httpx.get(f"{service.url}/ingestions", headers=bearer(key)).status_code == 403

        listed = openhours("keys", "list").stdout
        assert "me" in listed
        assert "report track" in listed
        assert key not in listed

        assert openhours("keys", "revoke", "1").returncode == 0
        assert openhours("keys", "revoke", "2").returncode == 1
        _wait_for(reports, 401, key)
        assert httpx.get(reports).status_code == 401
        assert key not in service.log.read_text()


@pytest.mark.slow
def test_unknown_scopes_are_refused(settings: Settings) -> None:
    done = openhours("keys", "create", "--scope", "everything", "--name", "x")
    assert done.returncode == 2
    assert "everything is none of ingest, track, report, correct, metrics, admin" in done.stderr


@pytest.mark.slow
def test_serve_refuses_other_addresses_without_a_key(settings: Settings) -> None:
    done = openhours("serve", "--host", "0.0.0.0", "--port", "0")
    assert done.returncode == 2
    assert "openhours keys create" in done.stderr


@pytest.mark.slow
@pytest.mark.parametrize("way", ["key", "open", "names"])
def test_serve_takes_other_addresses_with_a_key_or_when_told(settings: Settings, way: str) -> None:
    environment = {
        "key": {"OPENHOURS_ADMIN_KEY": "an admin key of 24 chars"},
        "open": {"OPENHOURS_OPEN": "1"},
        "names": {"OPENHOURS_ALLOWED_HOSTS": "pi.local,127.0.0.1"},
    }[way]
    with Service(
        settings.data_dir.parent, OPENHOURS_WORKER="0", OPENHOURS_HOST="0.0.0.0", **environment
    ) as service:
        expected = 401 if way == "key" else 200
        assert httpx.get(f"{service.url}/reports").status_code == expected
        admin = bearer("an admin key of 24 chars")
        assert httpx.get(f"{service.url}/ingestions", headers=admin).status_code == 200


def test_a_key_ends_when_it_was_said_to(
    settings: Settings, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = on_engine(
        database_url,
        lambda engine: create_key(engine, "until noon", ["report"], now() + timedelta(days=1)),
    )
    with running(settings) as client:
        assert client.get("/reports", headers=bearer(key)).status_code == 200
        monkeypatch.setattr(keys, "now", lambda: now() + timedelta(days=1))
        assert client.get("/reports", headers=bearer(key)).status_code == 401
        assert client.get("/reports").status_code == 401, "the service is not open again"


def test_the_last_use_of_a_key_is_kept(
    settings: Settings, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    used, _ = make_keys(settings, [["report"], ["admin"]])
    monkeypatch.setattr(keys, "_USES_EVERY", 0.0)
    monkeypatch.setattr(keys, "_CACHE_TTL", 0.0)
    with running(settings) as client:
        for _ in range(2):
            assert client.get("/reports", headers=bearer(used)).status_code == 200
    rows = fetch(database_url, "SELECT name, last_used_at IS NULL FROM api_keys ORDER BY id")
    assert rows == [("report", False), ("admin", True)]


@pytest.mark.parametrize(
    ("text", "end"),
    [
        ("90d", datetime(2026, 4, 1, 12, tzinfo=UTC)),
        ("2026-02-01", datetime(2026, 2, 1, tzinfo=UTC)),
    ],
)
def test_an_end_is_days_from_now_or_a_date(
    monkeypatch: pytest.MonkeyPatch, text: str, end: datetime
) -> None:
    monkeypatch.setattr(keys, "now", lambda: datetime(2026, 1, 1, 12, tzinfo=UTC))
    assert keys.parse_end(text) == end


@pytest.mark.parametrize("text", ["", "0d", "d", "90", "-1d", "1.5d", "2020-01-01", "2026-13-01"])
def test_other_ends_are_refused(text: str) -> None:
    with pytest.raises(Invalid, match="--expires"):
        keys.parse_end(text)


@pytest.mark.slow
def test_keys_are_listed_with_their_ends(settings: Settings) -> None:
    made = openhours("keys", "create", "--scope", "track", "--name", "pc", "--expires", "90d")
    assert made.returncode == 0, made.stderr
    heading, row = openhours("keys", "list", COLUMNS="200").stdout.splitlines()
    assert heading.split() == ["id", "name", "scopes", "created", "last", "used", "ends", "revoked"]
    assert len(row.split()) == 7, "created and ends, a date and a time each"
    late = openhours("keys", "create", "--scope", "track", "--name", "x", "--expires", "1999-01-01")
    assert late.returncode == 2
    assert "--expires: 1999-01-01 is over" in late.stderr
