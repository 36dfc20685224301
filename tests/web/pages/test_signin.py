"""Signing in, signing up, and pages for those who have not."""

from collections.abc import Iterator

import pytest
from fastapi.testclient import TestClient

from openhours.settings import Settings
from tests.helpers.clients import PASSWORD, make_keys, register, running
from tests.helpers.html import HTML, get_page, parsed, post_form

PAGES = ("/", "/stores", "/reports", "/pcs", "/traffic", "/activity", "/files/x", "/stores/x")


@pytest.fixture
def keys(settings: Settings) -> list[str]:
    return make_keys(settings, [["report"], ["ingest"]])


@pytest.fixture
def client(settings: Settings, keys: list[str]) -> Iterator[TestClient]:
    with running(settings) as client:
        yield client


def test_pages_lead_to_the_form_until_someone_has_signed_in(
    client: TestClient, keys: list[str]
) -> None:
    for path in PAGES:
        answer = client.get(path, headers=HTML)
        assert (answer.status_code, answer.headers["location"]) == (303, f"/signin?next={path}")
    answer = post_form(client, "/signin", key=f" {keys[0]} ", next="/stores")
    assert (answer.status_code, answer.headers["location"]) == (303, "/stores")
    page = get_page(client, "/stores")
    assert page.text(".signout span") == "API key"
    forbidden = get_page(client, "/files/x", 403)
    assert "does not have the scope: ingest" in forbidden.text("main")
    post_form(client, "/signout")
    assert get_page(client, "/signin").texts(".who a") == ["Sign in"]


def test_who_has_signed_in_is_told_so_on_the_form_too(client: TestClient, keys: list[str]) -> None:
    assert "You are signed in" not in get_page(client, "/signin").text()
    post_form(client, "/signin", key=keys[0])
    page = get_page(client, "/signin?next=/stores")
    assert page.text("header .signout") == "API key Sign out"
    assert "You are signed in with the API key" in page.text()
    assert page.attribute("main .note > a", "href") == "/stores"
    post_form(client, "/signout")
    assert "You are signed in" not in get_page(client, "/signin").text()


def test_refusals_are_told_beside_the_forms(client: TestClient) -> None:
    page = parsed(post_form(client, "/signin", key="nonsense"), 401)
    assert page.text("#key-wrong") == "This key is not valid, or was revoked."
    assert page.attribute("#key", "aria-describedby") == "key-wrong"
    for username in ("ann", "<i>ann</i>"):
        answer = post_form(client, "/signin", username=username, password="wrong <secret>")
        page = parsed(answer, 401)
        assert page.text("section:has(#username) [role=alert]") == "Wrong username or password."
        assert page.attribute("#username", "value") == username, "it need not be typed again"
        assert "secret" not in answer.text
    assert parsed(post_form(client, "/signin", username="a\0", password="wrong"), 401)


def test_signing_up_is_refused_beside_the_field(client: TestClient) -> None:
    register(client, "ann")
    good = {"username": "bob", "password": PASSWORD, "timezone": "Asia/Tokyo"}
    for field, text, status, message in (
        ("username", "Ann", 409, "This username is taken."),
        ("username", "a/b", 422, "A username has no slash and is not a dot."),
        ("username", "x" * 65, 422, "Use 64 characters or fewer."),
        ("password", "short", 422, "Use 8 characters or more."),
        ("password", "password", 422, "Too common, or the username: choose another password."),
        ("timezone", "Mars", 422, "Not an IANA time zone, such as Europe/Berlin."),
    ):
        sent = good | {field: text}
        page = parsed(post_form(client, "/signup", **sent), status)
        assert page.text(f"#new-{field}-wrong") == message
        assert page.attribute("[aria-invalid=true]", "id") == f"new-{field}"
        for kept in ("username", "timezone"):
            assert page.attribute(f"#new-{kept}", "value") == sent[kept]
        # The browser's own zone does not replace what was typed.
        assert page.all(".own-zone") == []
        assert "value" not in page.one("#new-password").attributes
    assert get_page(client, "/signin").all(".own-zone")


def test_no_redirect_leads_to_another_site(client: TestClient, keys: list[str]) -> None:
    for next_path in ("//evil.example", "https://evil.example", "/\\evil.example", "/a\nb"):
        page = get_page(client, "/signin", next=next_path)
        assert {node.attributes["value"] for node in page.all("input[name=next]")} == {"/"}
        answer = post_form(client, "/signin", key=keys[0], next=next_path)
        assert answer.headers["location"] == "/"


def test_registration_can_be_switched_off(settings: Settings) -> None:
    with running(settings.model_copy(update={"registration": False})) as client:
        page = get_page(client, "/signin")
        assert page.all("form[action='/signup']") == []
        fields = {"username": "bob", "password": PASSWORD}
        refused = parsed(post_form(client, "/signup", **fields), 403)
        assert refused.text("[role=alert]") == "Registration is switched off."
