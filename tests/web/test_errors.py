"""Errors are pages for browsers, with the status and headers that all others get."""

import pytest
from fastapi.testclient import TestClient

from openhours.settings import Settings
from tests.helpers.clients import running
from tests.helpers.html import HTML, get_page


@pytest.mark.parametrize(
    ("path", "status", "words"),
    [
        ("/nope", 404, "It may have been removed"),
        ("/signout", 405, "does not accept this kind of request"),
        ("/stores?page=0", 422, "page: Input should be greater than or equal to 1"),
    ],
)
def test_an_error_is_a_page_and_json_for_others(
    stocked: TestClient, path: str, status: int, words: str
) -> None:
    page = get_page(stocked, path, status)
    told = stocked.get(path)
    assert (told.status_code, told.headers["content-type"]) == (status, "application/problem+json")
    assert page.text(".eyebrow") == str(status)
    assert page.text("h1") == told.json()["title"]
    assert words in page.text("main")


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/stores/a%00b", 422),
        ("/stores?q=a%00b", 422),
        ("/stores?page=1000000", 200),
        ("/stores/store-001?at=x", 422),
        ("/reports/nothing", 404),
        ("/files/nothing", 404),
        ("/pcs?pc=a%00b", 422),
        ("/pcs?cursor=99999999999999999-1", 422),
        ("/activity?cursor=99999999999999999-1", 422),
        ("/%ff", 404),
        ("/stores/%ff", 404),
    ],
)
def test_hostile_addresses_get_a_page_and_never_a_500(
    stocked: TestClient, path: str, status: int
) -> None:
    get_page(stocked, path, status)


def test_headers_of_the_error_are_those_of_the_page(stocked: TestClient) -> None:
    for headers in (HTML, {}):
        answer = stocked.get("/signout", headers=headers)
        assert answer.headers["allow"] == "POST"


def test_visitors_who_may_not_read_are_sent_to_sign_in(settings: Settings) -> None:
    with running(settings) as client:
        answer = client.get("/timer?by=week&x=%C3%A4", headers=HTML)
        assert answer.status_code == 303
        assert answer.headers["location"] == "/signin?next=/timer%3Fby%3Dweek%26x%3D%25C3%25A4"
        assert answer.headers["cache-control"] == "no-store"
        assert client.get("/timer").status_code == 401
