"""Before the first key is made: programs on this machine are answered, and nobody else."""

import httpx
import pytest
from fastapi.testclient import TestClient
from tools.service import Service

from openhours.app import create_app
from openhours.settings import Settings
from tests.helpers.clients import running
from tests.helpers.nginx import MISSING, NGINX, Nginx


@pytest.mark.parametrize(
    ("header", "value"),
    [
        ("Forwarded", "for=203.0.113.5"),
        ("X-Forwarded-For", "203.0.113.5"),
        ("X-Forwarded-Host", "localhost"),
        ("X-Forwarded-Proto", "https"),
        ("X-Real-IP", "203.0.113.5"),
        ("Via", "1.1 proxy"),
        ("Host", "evil.example"),
        ("Host", "[bad"),
        ("Host", "127.0.0.1:8000:8000"),
        ("Host", ""),
        ("Host", "localhost/../evil.example"),
    ],
)
def test_what_a_proxy_or_another_site_sends_is_refused(
    settings: Settings, header: str, value: str
) -> None:
    with running(settings) as client:
        answer = client.get("/reports", headers={header: value})
        assert answer.status_code == 403
        assert "keys create" in answer.json()["detail"]


def test_local_names_are_answered(settings: Settings) -> None:
    with running(settings) as client:
        for host in ("127.0.0.1", "127.0.0.1:8000", "localhost:1", "LOCALHOST.", "[::1]:8000"):
            assert client.get("/reports", headers={"Host": host}).status_code == 200, host


@pytest.mark.parametrize(
    ("client_address", "server"),
    [("192.0.2.9", "127.0.0.1"), ("127.0.0.1", "192.0.2.1"), ("", "127.0.0.1")],
)
def test_other_machines_are_refused_however_the_server_was_started(
    settings: Settings, client_address: str, server: str
) -> None:
    app = create_app(settings.model_copy(update={"worker": False}))
    url = f"http://{server}:8000"
    with TestClient(app, url, client=(client_address, 50_000)) as client:
        assert client.get("/reports", headers={"Host": "localhost"}).status_code == 403


def test_on_a_network_only_the_listed_names_are_answered(settings: Settings) -> None:
    named = settings.model_copy(update={"allowed_hosts": frozenset(("pi.local", "192.0.2.1"))})
    app = create_app(named.model_copy(update={"worker": False, "open": True}))
    with TestClient(app, "http://192.0.2.1:8000", client=("192.0.2.9", 50_000)) as client:
        assert client.get("/reports").status_code == 200
        assert client.get("/reports", headers={"Host": "Pi.local:8000"}).status_code == 200
        assert client.get("/reports", headers={"Host": "evil.example"}).status_code == 403
        foreign = {"Host": "pi.local", "Origin": "https://evil.example"}
        assert client.post("/trigger_report", headers=foreign).status_code == 403


@pytest.mark.parametrize("names", ["http://pi.local", "pi.local:8000", "a b", "*"])
def test_names_that_no_host_has_are_refused_at_the_start(
    names: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENHOURS_ALLOWED_HOSTS", names)
    with pytest.raises(ValueError, match="is not a host name"):
        Settings()


@pytest.mark.slow
@pytest.mark.skipif(NGINX is None, reason=MISSING)
@pytest.mark.parametrize(
    "directives",
    [
        "",  # Host is then that of the upstream: 127.0.0.1
        "proxy_set_header Host $http_host;",
        "proxy_http_version 1.1; proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;",
        "proxy_http_version 1.1; proxy_set_header X-Real-IP $remote_addr;",
    ],
    ids=["bare", "host", "forwarded", "real-ip"],
)
def test_nginx_on_the_same_machine_does_not_open_the_service(
    settings: Settings, directives: str
) -> None:
    folder = settings.data_dir.parent
    with Service(folder, OPENHOURS_WORKER="0") as service:
        server = (
            f"server {{ listen PORT; location / {{ proxy_pass {service.url}; {directives} }} }}"
        )
        with Nginx(folder / "nginx", server) as nginx:
            assert httpx.get(f"{service.url}/reports").status_code == 200
            assert httpx.get(f"{nginx.url}/reports").status_code == 403
            assert httpx.get(f"{nginx.url}/health").status_code == 200
