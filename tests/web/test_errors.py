"""Errors are pages for browsers, with the status and headers that all others get."""

import pytest
from fastapi.testclient import TestClient

from openhours.settings import Settings
from tests.helpers.clients import PASSWORD, make_keys, running
from tests.helpers.html import HTML, get_page, post_form


@pytest.mark.parametrize(
    ("path", "status", "title", "words"),
    [
        ("/nope", 404, "Not found", "It may have been removed"),
        ("/signout", 405, "Not possible here", "does not accept this kind of request"),
        (
            "/stores?page=0",
            422,
            "Please check what you entered",
            "page: Input should be greater than or equal to 1",
        ),
    ],
)
def test_an_error_is_a_page_and_json_for_others(
    stocked: TestClient, path: str, status: int, title: str, words: str
) -> None:
    page = get_page(stocked, path, status)
    told = stocked.get(path)
    assert (told.status_code, told.headers["content-type"]) == (status, "application/problem+json")
    assert page.text(".eyebrow") == str(status)
    assert page.text("h1") == title
    assert words in page.text("main")


@pytest.mark.parametrize(
    ("path", "status", "back", "words"),
    [
        ("/nope", 404, "/", "Back to Overview"),
        ("/stores?page=0", 422, "/stores", "Back to Stores"),
        ("/reports/nothing", 404, "/reports", "Back to Reports"),
        ("/activity?cursor=x", 422, "/activity", "Back to Activity"),
        ("/stores/store-001?at=x", 422, "/stores", "Back to Stores"),
    ],
)
def test_the_way_back_is_the_page_it_belongs_to(
    stocked: TestClient, path: str, status: int, back: str, words: str
) -> None:
    page = get_page(stocked, path, status)
    assert (page.attribute("main .button", "href"), page.text("main .button")) == (back, words)


def test_the_way_back_is_no_page_that_the_visitor_may_not_see(settings: Settings) -> None:
    make_keys(settings, [["report"]])
    with running(settings) as client:
        post_form(client, "/signup", username="ann", password=PASSWORD)
        for path, status in (("/stores", 403), ("/timer/1/delete", 405)):
            page = get_page(client, path, status)
            assert page.attribute("main .button:last-child", "href") == "/timer", path
        forbidden = get_page(client, "/stores", 403, q="x y")
        assert forbidden.text(".signout a") == "ann"
        again = forbidden.attribute("main .primary", "href")
        assert again == "/signin?next=/stores%3Fq%3Dx%2By", "with a key, for example"


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
