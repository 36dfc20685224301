"""Below a path of a host behind Debian's nginx with TLS: no link leads out, and none is broken."""

import re
import ssl
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import parse_qs, urljoin, urlsplit

import httpx
import pytest
from playwright.sync_api import Playwright, expect
from tools.service import Service

from openhours.web.render import HERE
from tests.conftest import new_service
from tests.helpers.certificates import self_signed
from tests.helpers.chromium import ARGS, CHROMIUM
from tests.helpers.clients import bearer
from tests.helpers.csv_files import hours_csv
from tests.helpers.html import HTML, Html
from tests.helpers.nginx import MISSING, NGINX, Nginx

pytestmark = pytest.mark.skipif(NGINX is None, reason=MISSING)

KEY = "an admin key of 24 chars"
ROOT = "/openhours"
DOCUMENT = (Path(__file__).parents[2] / "docs/deployment.md").read_text()
_SHOWN = re.search(r"    location /openhours/ \{\n.*?\n    \}", DOCUMENT, re.DOTALL)
_ADDRESSES = {"a": "href", "link": "href", "script": "src", "form": "action"}
_SLASHED = "chain/7 & more?#%"


def _server(folder: Path, upstream: str) -> str:
    """Return what docs/deployment.md shows; whatever lies beside it on the host is a 418."""
    certificate, key = self_signed(folder)
    tls = f"listen PORT ssl; ssl_certificate {certificate}; ssl_certificate_key {key};"
    assert _SHOWN
    location = _SHOWN[0].replace("http://127.0.0.1:8000", upstream)
    assert upstream in location
    return f"server {{ {tls} {location} location / {{ return 418; }} }}"


@pytest.fixture(scope="module")
def service(server_url: str, folder: Path) -> Iterator[Service]:
    """A service with a bit of everything, whose public address has a path."""
    with new_service(
        server_url,
        folder,
        OPENHOURS_ADMIN_KEY=KEY,
        OPENHOURS_TRUSTED_PROXIES="127.0.0.1",
        OPENHOURS_PUBLIC_URL=f"https://localhost{ROOT}/",
    ) as service:
        service.client.headers.update(bearer(KEY))
        stores = (_SLASHED, "store-1")
        polls = [f"{store},2023-01-23 17:14:00 UTC,inactive" for store in stores]
        lines = ["store_id,timestamp_utc,status", *polls, "bad,never,active", ""]
        service.upload("status", "\n".join(lines).encode())
        service.upload("hours", hours_csv([(0, "09:00", "12:00")], _SLASHED))
        for _ in range(2):
            service.wait_report(service.trigger())
        event = {"user_id": 6, "event_action_timestamp": "2025-10-10T18:30:00Z", "action": "viewed"}
        for path, body in (
            ("/track", {"pc": "desk & chair"}),
            ("/track", {"pc": "desk & chair"}),
            ("/api/event", event),
        ):
            assert service.client.post(path, json=body).status_code == 201
        yield service


@pytest.fixture(params=["kept", "stripped"], scope="module")
def nginx(service: Service, request: pytest.FixtureRequest) -> Iterator[Nginx]:
    """Proxies that pass the path on, as the document shows, and that strip it."""
    upstream = service.url + ("/" if request.param == "stripped" else "")
    with Nginx(service.folder / request.param, _server(service.folder, upstream)) as started:
        yield started


@pytest.fixture
def browser(service: Service, nginx: Nginx) -> Iterator[httpx.Client]:
    with httpx.Client(
        base_url=f"https://localhost:{nginx.port}",
        verify=ssl.create_default_context(cafile=service.folder / "cert.pem"),
        headers=HTML,
        timeout=60,
    ) as client:
        yield client


def _sign_in(browser: httpx.Client, path: str, **fields: str) -> str:
    """Fill the form at this path, where a page leads who is not known; where its answer leads."""
    asked = browser.get(f"{ROOT}/reports?cursor=")
    assert asked.status_code == 303
    form = browser.get(asked.headers["location"])
    (first, *_) = Html(form.text).all(f"form[action='{path}']")
    hidden = {
        str(node.attributes["name"]): str(node.attributes["value"])
        for node in first.css("input[type=hidden]")
    }
    entered = browser.post(path, data={**hidden, **fields})
    assert entered.status_code == 303, entered.text
    return str(entered.headers["location"])


def _addresses(answer: httpx.Response) -> Iterator[str]:
    """Yield the absolute address of all that a page or a style sheet leads to."""
    if answer.headers["content-type"].startswith("text/css"):
        found = re.findall(r"url\(['\"]?([^)'\"]+)", answer.text)
    elif answer.headers["content-type"].startswith("text/html"):
        page = Html(answer.text)
        posted = page.all("form[method=post]")
        assert all(str(form.attributes["action"]).startswith(f"{ROOT}/") for form in posted)
        found = [
            node.attributes[attribute] or ""
            for tag, attribute in _ADDRESSES.items()
            for node in page.all(f"{tag}[{attribute}]")
            if node.attributes.get("method") != "post"
        ]
    else:
        found = []
    for address in found:
        if not address.startswith("data:"):
            yield urljoin(str(answer.url), address).partition("#")[0]


def _crawl(browser: httpx.Client, start: str) -> dict[str, str]:
    """Follow every link from the page on, of those that differ in values of their query the first.

    Each must be there; the media type of each path.
    """
    wanted, seen = [urljoin(str(browser.base_url), start)], dict[str, str]()
    followed = set[tuple[str, ...]]()
    while wanted:
        address = wanted.pop()
        _, host, path, query, _ = urlsplit(address)
        kind = (host, path, *sorted(parse_qs(query)))
        if kind in followed:
            continue
        followed.add(kind)
        assert address.startswith(str(browser.base_url)), address
        assert path.startswith(f"{ROOT}/"), address
        answer = browser.get(address)
        seen[path] = answer.headers.get("content-type", "").partition(";")[0]
        if answer.is_redirect:
            wanted.append(urljoin(address, answer.headers["location"]))
            continue
        users_own = path == f"{ROOT}/timer"
        assert answer.status_code == (403 if users_own else 200), (address, answer.status_code)
        wanted += _addresses(answer)
    return seen


@pytest.mark.slow
def test_every_page_leads_to_pages_below_the_path(browser: httpx.Client, service: Service) -> None:
    assert _sign_in(browser, f"{ROOT}/signin", key=KEY) == f"{ROOT}/reports?cursor="
    (cookie,) = browser.cookies
    assert cookie == "__Host-openhours_session.openhours"
    seen = _crawl(browser, f"{ROOT}/")
    paths = {path.removeprefix(ROOT) for path in seen}
    pages = {"/", "/stores", "/reports", "/pcs", "/traffic", "/activity", "/docs", "/signin"}
    assert pages <= paths
    files = {"style.css", "page.js", "swagger-ui.css"}
    assert files <= {path.rpartition("/")[2] for path in paths}
    for beginning in ("/stores/chain", "/stores/pc%3A", "/reports/", "/files/", "/ingestions/"):
        assert any(path.startswith(beginning) for path in paths), beginning
    assert {"text/html", "text/css", "text/csv", "application/json"} <= set(seen.values())


@pytest.mark.slow
def test_forms_lead_to_pages_below_the_path(browser: httpx.Client) -> None:
    _sign_in(browser, f"{ROOT}/signin", key=KEY)
    page = Html(browser.get(f"{ROOT}/").text)
    token = {"csrf_token": page.attribute("meta[name=csrf-token]", "content")}
    generated = browser.post(f"{ROOT}/reports/new", data=token)
    assert browser.get(generated.headers["location"]).status_code == 200
    event = {"user_id": "7", "action": "viewed"}
    recorded = browser.post(f"{ROOT}/activity", data=token | event)
    assert recorded.headers["location"] == f"{ROOT}/activity?user_id=7"
    left = browser.post(f"{ROOT}/signout", data=token)
    assert left.headers["location"] == f"{ROOT}/signin"
    fields = {"username": f"zoe{browser.base_url.port}", "password": "correct horse battery"}
    assert _sign_in(browser, f"{ROOT}/signup", **fields) == f"{ROOT}/reports?cursor="
    page = Html(browser.get(f"{ROOT}/timer").text)
    token = {"csrf_token": page.attribute("meta[name=csrf-token]", "content")}
    for step in ("start", "stop"):
        changed = browser.post(f"{ROOT}/timer/{step}", data=token)
        assert changed.headers["location"] == f"{ROOT}/timer"
    for address in _addresses(browser.get(f"{ROOT}/timer")):
        assert urlsplit(address).path.startswith(f"{ROOT}/"), address


@pytest.mark.slow
def test_programs_get_addresses_below_the_path(browser: httpx.Client) -> None:
    browser.headers.update(bearer(KEY) | {"Accept": "application/json"})
    links = browser.get(f"{ROOT}/").json()["links"]
    assert all(path.startswith(f"{ROOT}/") for path in links.values())
    (server,) = browser.get(links["openapi"]).json()["servers"]
    assert server == {"url": ROOT}
    triggered = browser.post(f"{ROOT}/trigger_report")
    assert triggered.headers["location"] == f"{ROOT}/get_report/{triggered.json()['report_id']}"
    hours = hours_csv([(1, "09:00", "12:00")], _SLASHED)
    uploaded = browser.post(f"{ROOT}/ingest/hours", content=hours)
    assert browser.get(uploaded.headers["location"]).json()["kind"] == "hours"
    for path in ("/reports", "/track/events"):
        listed = browser.get(f"{ROOT}{path}", params={"limit": 1})
        following = listed.links["next"]["url"]
        assert following.startswith(f"{ROOT}{path}?")
        assert len(browser.get(following).json()) == 1
    for report in browser.get(f"{ROOT}/reports").json():
        assert report["url"] == f"{ROOT}/get_report/{report['report_id']}"
    slashless = browser.get(ROOT)
    assert slashless.is_redirect
    assert slashless.headers["location"].endswith(f"{ROOT}/")
    login = browser.post(f"{ROOT}/api/v1/user/login", json={"username": "no", "password": "body"})
    assert login.status_code == 401
    assert login.headers["cache-control"] == "no-store"


@pytest.mark.slow
def test_without_the_proxy_the_same_is_there_without_the_path(service: Service) -> None:
    assert service.client.get("/health").status_code == 200
    assert service.client.get(f"{ROOT}/health").status_code == 200
    assert service.client.get(f"{ROOT}{ROOT}/health").status_code == 404
    assert service.client.get("/openhourshealth").status_code == 404


@pytest.mark.parametrize("nginx", ["kept"], indirect=True)
def test_a_report_is_generated_in_a_browser(
    playwright: Playwright, service: Service, nginx: Nginx
) -> None:
    chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGS)
    context = chromium.new_context(
        base_url=f"https://localhost:{nginx.port}", ignore_https_errors=True
    )
    page = context.new_page()
    answers: list[tuple[str, int]] = []
    page.on("response", lambda answer: answers.append((answer.url, answer.status)))
    page.goto(f"{ROOT}/")
    page.get_by_label("Key", exact=True).fill(KEY)
    page.get_by_role("button", name="Sign in with the key").click()
    page.get_by_role("button", name="Generate report").click()
    page.get_by_role("link", name="Open report").click()
    expect(page.locator("h1")).to_contain_text("Report of")
    for path, shown in (("/docs", "/trigger_report"), ("/redoc", "trigger")):
        page.goto(f"{ROOT}{path}")
        expect(page.locator("main")).to_contain_text(shown, timeout=30_000)
    assert [one for one in answers if one[1] >= 400 or f"{nginx.port}{ROOT}/" not in one[0]] == []
    chromium.close()


def test_no_template_and_no_script_leaves_the_path_out() -> None:
    """Some of what they write is shown in no test above: a form to cancel a file that loads."""
    files = [path for name in ("templates", "static") for path in (HERE / name).iterdir()]
    left_out = re.compile(r"""(?:href|src|action)=["']/|fetch\(["'`]/|\burl\(["']?/""")
    found = [(path.name, one) for path in files for one in left_out.findall(path.read_text())]
    assert found == []
