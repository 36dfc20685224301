"""`/account`: another password, and signing out everywhere."""

from collections.abc import Iterator

import pytest
from fastapi.testclient import TestClient

from openhours.settings import Settings
from tests.helpers.clients import PASSWORD, at, register, running
from tests.helpers.html import HTML, get_page, parsed, post_form

NEW = "staple gun on Mars"


@pytest.fixture
def client(settings: Settings) -> Iterator[TestClient]:
    with running(settings) as client:
        register(client, "zoe")
        post_form(client, "/signin", username="zoe", password=PASSWORD)
        yield client


def other_browser(client: TestClient, password: str = PASSWORD) -> TestClient:
    other = at(client, "127.0.0.1")
    post_form(other, "/signin", username="zoe", password=password)
    return other


def is_signed_in(client: TestClient) -> bool:
    return bool(client.get("/timer", headers=HTML).status_code == 200)


def test_the_header_leads_there(client: TestClient) -> None:
    assert get_page(client, "/timer").attribute(".who a", "href") == "/account"
    assert "zoe" in get_page(client, "/account").text("main")


def test_it_is_for_users_who_have_signed_in(settings: Settings) -> None:
    with running(settings) as client:
        answer = client.get("/account", headers=HTML)
    assert (answer.status_code, answer.headers["location"]) == (303, "/signin?next=/account")


def test_a_new_password_signs_out_all_others(client: TestClient) -> None:
    other = other_browser(client)
    answer = post_form(client, "/account/password", old_password=PASSWORD, new_password=NEW)
    assert (answer.status_code, answer.headers["location"]) == (303, "/account?done=password")
    assert "Your password is changed" in get_page(client, "/account?done=password").text(".done")
    assert (is_signed_in(client), is_signed_in(other)) == (True, False)
    assert is_signed_in(other_browser(client, NEW))


@pytest.mark.parametrize(
    ("old", "new", "field", "message"),
    [
        ("nonsense", NEW, "old_password", "This is not your password."),
        (PASSWORD, "short", "new_password", "Use 8 characters or more."),
        (PASSWORD, "zoe", "new_password", "Use 8 characters or more."),
        (PASSWORD, "12345678", "new_password", "Too common, or the username: choose another"),
        ("", NEW, "old_password", "Must not be empty."),
    ],
)
def test_a_refusal_stands_beside_its_field(
    client: TestClient, old: str, new: str, field: str, message: str
) -> None:
    page = parsed(post_form(client, "/account/password", old_password=old, new_password=new), 422)
    assert page.text(f"#{field}-wrong").startswith(message)
    assert is_signed_in(other_browser(client)), "the old password still holds"


def test_signing_out_everywhere_leaves_this_browser(client: TestClient) -> None:
    other = other_browser(client)
    answer = post_form(client, "/account/sign_out_everywhere")
    assert answer.status_code == 303
    assert (is_signed_in(client), is_signed_in(other)) == (True, False)
