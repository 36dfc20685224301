"""API keys: made, listed and revoked by the command, noticed by servers that run."""

import os
import subprocess
import sys

import httpx
import pytest
from tools.service import Service

from openhours.settings import Settings
from tests.helpers.clients import bearer
from tests.helpers.waiting import wait_for


def _openhours(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "openhours.cli", *arguments],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


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
        made = _openhours("keys", "create", "--scope", "report", "--scope", "track", "--name", "me")
        assert made.returncode == 0, made.stderr
        key = made.stdout.strip()
        _wait_for(reports, 401)
        assert httpx.get(reports, headers=bearer(key)).status_code == 200
        assert httpx.get(f"{service.url}/ingestions", headers=bearer(key)).status_code == 403

        listed = _openhours("keys", "list").stdout
        assert "me" in listed
        assert "report track" in listed
        assert key not in listed

        assert _openhours("keys", "revoke", "1").returncode == 0
        assert _openhours("keys", "revoke", "2").returncode == 1
        _wait_for(reports, 401, key)
        assert httpx.get(reports).status_code == 401
        assert key not in service.log.read_text()


@pytest.mark.slow
def test_unknown_scopes_are_refused(settings: Settings) -> None:
    done = _openhours("keys", "create", "--scope", "everything", "--name", "x")
    assert done.returncode == 2
    assert "everything is none of ingest, track, report, correct, metrics, admin" in done.stderr


@pytest.mark.slow
def test_serve_refuses_other_addresses_without_a_key(settings: Settings) -> None:
    done = _openhours("serve", "--host", "0.0.0.0", "--port", "0")
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
