"""An API key as the password of HTTP Basic: every script sends it, and no other site may use it."""

import base64
import shutil
import subprocess
import urllib.request
from collections.abc import Iterator, Sequence

import httpx
import pytest
from fastapi.testclient import TestClient
from tools.service import Service

from openhours.accounts.browser_sessions import COOKIE
from openhours.settings import Settings
from tests.helpers.clients import URL, bearer, make_keys, register, running


def _basic(password: str, name: str = "any") -> dict[str, str]:
    return {"Authorization": f"Basic {base64.b64encode(f'{name}:{password}'.encode()).decode()}"}


@pytest.fixture
def keys(settings: Settings) -> list[str]:
    """Return a key that may track, and one that may report."""
    return make_keys(settings, [["track"], ["report"]])


@pytest.fixture
def client(settings: Settings, keys: list[str]) -> Iterator[TestClient]:
    del keys
    with running(settings.model_copy(update={"cors_origins": ("https://app.example",)})) as client:
        yield client


def _run(command: Sequence[str]) -> str:
    if shutil.which(command[0]) is None:
        pytest.skip(f"no {command[0]} here")
    return subprocess.run(command, check=True, capture_output=True, text=True, timeout=30).stdout


@pytest.mark.slow
@pytest.mark.parametrize(
    "command",
    [
        ["curl", "-sf", "-X", "POST"],
        ["curl", "-sf", "--anyauth", "-X", "POST"],
        # It sends the key only after a 401 that offers Basic.
        ["wget", "-q", "-O", "-", "--post-data="],
    ],
    ids=["curl", "curl --anyauth", "wget"],
)
def test_a_bare_track_with_the_key_in_its_url(
    settings: Settings, keys: list[str], command: list[str]
) -> None:
    with Service(settings.data_dir.parent, OPENHOURS_WORKER="0") as service:
        url = f"http://any:{keys[0]}@127.0.0.1:{service.port}/track"
        assert '"pc":"default"' in _run([*command, url])


@pytest.mark.slow
def test_libraries_send_the_key_of_a_url(settings: Settings, keys: list[str]) -> None:
    with Service(settings.data_dir.parent, OPENHOURS_WORKER="0") as service:
        url = f"http://any:{keys[0]}@127.0.0.1:{service.port}/track"
        assert httpx.post(url).status_code == 201
        passwords = urllib.request.HTTPPasswordMgrWithDefaultRealm()
        passwords.add_password(None, service.url, "any", keys[0])
        opener = urllib.request.build_opener(urllib.request.HTTPBasicAuthHandler(passwords))
        asked = urllib.request.Request(f"{service.url}/track", method="POST")
        with opener.open(asked, timeout=30) as answer:
            assert answer.status == 201


def test_the_key_has_its_scopes_under_any_name(client: TestClient, keys: list[str]) -> None:
    track, report = keys
    for name in ("", "any", "joe-pc", "ü"):
        assert client.post("/track", headers=_basic(track, name)).status_code == 201
    assert client.get("/reports", headers=_basic(report)).status_code == 200
    assert client.get("/reports", headers=_basic(track)).status_code == 403


def test_what_is_no_key_is_refused(client: TestClient, keys: list[str]) -> None:
    token = register(client, "ann")["token"]
    encoded = _basic(keys[0])["Authorization"].removeprefix("Basic ")
    for header in (
        _basic(token)["Authorization"],  # a user's token is a bearer's
        _basic("")["Authorization"],
        _basic(f"{keys[0]}x")["Authorization"],
        "Basic",
        "Basic !",
        f"Basic {encoded[:-2]}",
        "Basic " + base64.b64encode(b"\xff:\xff").decode(),
        f"Digest {encoded}",
    ):
        answer = client.post("/track", headers={"Authorization": header})
        assert answer.status_code == 401, header
        assert "Basic" in answer.headers["www-authenticate"]
    assert client.post("/track", params={"key": keys[0]}).status_code == 401
    assert client.get("/api/v1/user", headers=_basic(token)).status_code == 401
    assert client.get("/api/v1/user", headers=_basic(keys[0])).status_code == 403


def test_basic_is_offered_to_scripts_and_not_to_browsers(client: TestClient) -> None:
    def offered(path: str, **headers: str) -> str:
        answer = client.get(path, headers=headers)
        assert answer.status_code == 401
        return str(answer.headers["www-authenticate"])

    both = 'Basic realm="openhours", charset="UTF-8", Bearer'
    assert offered("/reports") == both
    assert offered("/reports", **bearer("nonsense")) == both
    assert offered("/reports", **{"Sec-Fetch-Mode": "cors"}) == "Bearer"
    assert offered("/reports", Cookie=f"{COOKIE}=of-our-page") == "Bearer"
    assert offered("/api/v1/user") == "Bearer"
    assert offered("/api/v1/user", **_basic("nonsense")) == "Bearer"


def test_another_site_cannot_use_what_a_browser_remembers(
    client: TestClient, keys: list[str]
) -> None:
    key = _basic(keys[0])

    def track(**headers: str) -> int:
        return int(client.post("/track", headers=key | headers).status_code)

    assert track(Origin="https://evil.example") == 403
    assert track(Origin="null") == 403
    assert track(**{"Sec-Fetch-Site": "cross-site"}) == 403
    assert track(**{"Sec-Fetch-Site": "same-site"}) == 403
    assert track(Origin=URL, **{"Sec-Fetch-Site": "same-origin"}) == 201
    assert track(Origin="https://app.example", **{"Sec-Fetch-Site": "cross-site"}) == 201
    assert track(**{"Sec-Fetch-Site": "none"}) == 201
    # No browser adds a bearer's credential by itself.
    foreign = bearer(keys[0]) | {"Origin": "https://evil.example"}
    assert client.post("/track", headers=foreign).status_code == 201
    read = _basic(keys[1]) | {"Origin": "https://evil.example"}
    assert client.get("/reports", headers=read).status_code == 200
