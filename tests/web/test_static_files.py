"""Scripts and styles: browsers keep them as long as they are the same."""

import gzip
from pathlib import Path

from fastapi import FastAPI
from fastapi.testclient import TestClient

from openhours.web.pages.api_docs import ASSETS
from openhours.web.static_files import Static
from tests.helpers.html import get_page

PLAIN = {"Accept-Encoding": "identity"}
FOREVER = "public, max-age=31536000, immutable"


def addresses(client: TestClient, path: str) -> list[str]:
    page = get_page(client, path)
    found = [node.attributes["href"] for node in page.all("link[rel=stylesheet], link[rel=icon]")]
    found += [node.attributes["src"] for node in page.all("script[src]")]
    return [f"/{address.removeprefix('/')}" for address in found if address]


def test_what_pages_name_is_kept(empty: TestClient) -> None:
    for path in ("/", "/docs", "/redoc"):
        for address in addresses(empty, path):
            answer = empty.get(address)
            assert answer.status_code == 200, address
            kept = answer.headers.get("cache-control") == FOREVER
            assert kept or address.endswith("/start.js"), address


def test_text_is_compressed_for_those_who_take_it(empty: TestClient) -> None:
    address = f"/docs/assets/{ASSETS.version}/swagger-ui-bundle.js"
    with empty.stream("GET", address) as packed:
        raw = b"".join(packed.iter_raw())
    whole = empty.get(address, headers=PLAIN)
    assert packed.headers["content-encoding"] == "gzip"
    assert "content-encoding" not in whole.headers
    assert gzip.decompress(raw) == whole.content
    assert len(raw) < len(whole.content) / 3
    for answer in (packed, whole):
        assert answer.headers["vary"] == "Accept-Encoding"
        assert answer.headers["content-type"] == "text/javascript; charset=utf-8"


def test_a_file_of_another_version_is_the_present_one_and_is_not_kept(empty: TestClient) -> None:
    for address in ("/static/style.css", "/static/0123456789ab/style.css"):
        answer = empty.get(address)
        assert (answer.status_code, answer.headers["cache-control"]) == (200, "no-cache")
        assert ":root" in answer.text
    assert empty.get("/static/style.css/none").status_code == 404
    assert empty.get("/static/0123456789ab/../../render.py").status_code == 404


def test_another_content_has_another_address(tmp_path: Path) -> None:
    (tmp_path / "a.css").write_text("a { color: red }")
    before = Static(tmp_path).version
    assert Static(tmp_path).version == before
    (tmp_path / "a.css").write_text("a { color: tan }")
    app = FastAPI()
    app.mount("/static", Static(tmp_path))
    client = TestClient(app)
    assert Static(tmp_path).version != before
    assert client.get(f"/static/{before}/a.css").headers["cache-control"] == "no-cache"
