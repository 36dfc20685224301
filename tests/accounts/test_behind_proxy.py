"""Behind Debian's nginx with TLS: cookies, addresses and the names of the site are right."""

import re
import ssl
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from tools.service import Service

from openhours.settings import Settings
from tests.helpers.certificates import self_signed
from tests.helpers.clients import bearer, running
from tests.helpers.database import fetch
from tests.helpers.nginx import MISSING, NGINX, Nginx

KEY = "an admin key of 24 chars"
WAYS = {
    "serve": Service.command,
    "uvicorn": ("-m", "uvicorn", "openhours.app:app", "--port", "{port}"),
    "fastapi": ("-m", "fastapi", "run", "--port", "{port}", "-e", "openhours.app:app"),
}
DOCUMENT = (Path(__file__).parents[2] / "docs/deployment.md").read_text()
_SHOWN = re.search(r"    location / \{(.*?)\n    \}", DOCUMENT, re.DOTALL)
assert _SHOWN


def _location(service: Service) -> str:
    """What docs/deployment.md shows, for this service."""
    assert _SHOWN
    upstream = "http://127.0.0.1:8000"
    assert upstream in _SHOWN[1]
    return _SHOWN[1].replace(upstream, service.url)


@pytest.fixture
def service(
    settings: Settings, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Service]:
    """A service that is started in the way of the test's parameter."""
    monkeypatch.setattr(Service, "command", WAYS[getattr(request, "param", "serve")])
    with Service(
        settings.data_dir.parent,
        OPENHOURS_WORKER="0",
        OPENHOURS_ADMIN_KEY=KEY,
        OPENHOURS_TRUSTED_PROXIES="127.0.0.1",
        OPENHOURS_PUBLIC_URL="https://localhost",
        OPENHOURS_FULL_ADDRESSES="1",
    ) as running:
        yield running


@pytest.mark.slow
@pytest.mark.skipif(NGINX is None, reason=MISSING)
def test_signing_in_over_tls(service: Service) -> None:
    folder = service.folder
    certificate, key = self_signed(folder)
    lines = f"listen PORT ssl; ssl_certificate {certificate}; ssl_certificate_key {key};"
    location = _location(service)
    with (
        Nginx(folder / "nginx", f"server {{ {lines} location / {{ {location} }} }}") as nginx,
        httpx.Client(
            base_url=f"https://localhost:{nginx.port}",
            verify=ssl.create_default_context(cafile=certificate),
            headers={"Accept": "text/html"},
            timeout=60,
        ) as browser,
    ):
        form = browser.get("/signin")
        assert form.headers["strict-transport-security"] == "max-age=31536000"
        token = re.search(r'name="csrf_token" value="(\w+)"', form.text)
        assert token
        entered = browser.post("/signin", data={"key": KEY, "csrf_token": token[1]})
        assert entered.status_code == 303
        name, _, attributes = entered.headers["set-cookie"].partition("=")
        assert name == "__Host-openhours_session"
        assert {"secure", "httponly", "path=/", "samesite=lax"} <= set(
            attributes.lower().split("; ")
        )
        assert "domain" not in attributes.lower()
        assert browser.get("/reports").status_code == 200
        # A cookie of the plain name may have been planted by another host of the domain.
        planted = {"Cookie": f"openhours_session={browser.cookies[name]}"}
        plain = httpx.get(f"{service.url}/reports", headers=planted)
        assert plain.status_code == 401


@pytest.mark.slow
@pytest.mark.skipif(NGINX is None, reason=MISSING)
@pytest.mark.parametrize("service", WAYS, indirect=True)
def test_addresses_come_from_the_listed_proxy(service: Service, database_url: str) -> None:
    location = _location(service)
    server = f"server {{ listen PORT; location / {{ {location} }} }}"
    visit = {"user_id": "u", "page_url": "/"}
    # The test stands for a second proxy on this machine: nginx appends 127.0.0.1, as it should.
    with Nginx(service.folder / "nginx", server) as nginx:
        for forwarded in ("198.51.100.7", "10.9.9.9, 198.51.100.8", "127.0.0.1, 198.51.100.9"):
            headers = bearer(KEY) | {"X-Forwarded-For": forwarded}
            answer = httpx.post(f"{nginx.url}/visit", json=visit, headers=headers, timeout=60)
            assert answer.status_code == 200, service.story()
    addresses = fetch(database_url, "SELECT ip_address FROM visits ORDER BY number")
    assert addresses == [("198.51.100.7",), ("198.51.100.8",), ("198.51.100.9",)]


@pytest.mark.slow
@pytest.mark.parametrize("way", WAYS)
def test_forged_addresses_are_believed_from_nobody_else(
    settings: Settings, database_url: str, way: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Service, "command", WAYS[way])
    visit = {"user_id": "u", "page_url": "/"}
    with Service(
        settings.data_dir.parent,
        OPENHOURS_WORKER="0",
        OPENHOURS_ADMIN_KEY=KEY,
        OPENHOURS_FULL_ADDRESSES="1",
    ) as service:
        for forged in ("198.51.100.7", "203.0.113.1, 127.0.0.1", "127.0.0.1"):
            headers = bearer(KEY) | {"X-Forwarded-For": forged}
            assert service.client.post("/visit", json=visit, headers=headers).status_code == 200
    addresses = {row[0] for row in fetch(database_url, "SELECT ip_address FROM visits")}
    assert addresses <= {"127.0.0.1", None}


@pytest.mark.parametrize("path", ["", "/openhours"])
def test_the_public_address_is_this_site(settings: Settings, path: str) -> None:
    """Some proxies send their own name for the host, and browsers the public one as origin."""
    public = settings.model_copy(update={"public_url": f"https://hours.example.org{path}"})
    with running(public) as client:
        ours = {"Origin": "https://hours.example.org"}
        assert client.post("/trigger_report", headers=ours).status_code == 200
        assert (
            client.post("/trigger_report", headers={"Origin": "https://x.org"}).status_code == 403
        )


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("PUBLIC_URL", "hours.example.org"),
        ("PUBLIC_URL", "https://example.org/hours?a=b"),
        ("PUBLIC_URL", "https://example.org//hours"),
        ("PUBLIC_URL", "https://example.org/hours/.."),
        ("PUBLIC_URL", "https://example.org/stünden"),
        ("PUBLIC_URL", "https://user@example.org"),
        ("TRUSTED_PROXIES", "proxy.local"),
        ("TRUSTED_PROXIES", "10.0.0.1/8"),
        ("TRUSTED_PROXIES", "*"),
    ],
)
def test_wrong_values_are_refused_at_the_start(
    name: str, value: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(f"OPENHOURS_{name}", value)
    with pytest.raises(ValueError, match="such as"):
        Settings()
