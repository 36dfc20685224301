"""Special hours: the list by date, and the form that sets and removes them."""

from collections.abc import Iterator

import pytest
from fastapi.testclient import TestClient

from openhours.settings import Settings
from tests.helpers.clients import bearer, make_keys, running
from tests.helpers.html import HTML, Html, get_page, parsed, post_form
from tests.stores.database import add_stores

URL = "/hours/special"
SCRIPT = "<script>alert(1)</script>"
FIELDS = {"store_id": "a", "date": "2024-12-24", "hours": "14:00-16:00, 9:00-12:00"}
ROWS = "[aria-label='Special hours'] tbody tr"


@pytest.fixture
def client(settings: Settings) -> Iterator[TestClient]:
    add_stores(settings, {"a": {}, SCRIPT: {}, "east/1 ?": {"name": "Elm <i>"}})
    with running(settings) as client:
        yield client


def set_hours(client: TestClient, **fields: str) -> Html:
    """Post the form, which is accepted, and return the page to which it leads."""
    answer = post_form(client, URL, **(FIELDS | fields))
    assert answer.status_code == 303, answer.text
    return get_page(client, answer.headers["location"])


def test_without_any_it_says_how_to_set_them(client: TestClient) -> None:
    page = get_page(client, URL)
    assert page.text(".empty h2") == "No special hours yet"
    assert page.text("nav [aria-current=page]") == "Special hours"


def test_they_are_set_listed_by_date_and_removed(client: TestClient) -> None:
    page = set_hours(client)
    assert page.text("h1") == "Special hours of a"
    assert page.texts(ROWS) == ["Tue 24 Dec 2024 a 09:00-12:00 14:00-16:00 Remove"]
    page = set_hours(client, store_id=" * ", date="2024-12-25", hours="Closed")
    assert page.text("h1") == "Special hours of all stores"
    set_hours(client, store_id=SCRIPT, date="2023-01-01", hours="0:00-24:00")
    assert get_page(client, URL).texts(ROWS) == [
        "Wed 25 Dec 2024 * all stores closed Remove",
        "Tue 24 Dec 2024 a 09:00-12:00 14:00-16:00 Remove",
        f"Sun 1 Jan 2023 {SCRIPT} 00:00-24:00 Remove",
    ]
    gone = post_form(client, f"{URL}/remove", store_id="*", date="2024-12-25")
    assert (gone.status_code, gone.headers["location"]) == (303, f"{URL}?store_id=%2A")
    assert len(get_page(client, URL).all(ROWS)) == 2
    again = post_form(client, f"{URL}/remove", store_id="*", date="2024-12-25")
    assert "no special hours of '*'" in parsed(again, 404).text()


def test_a_store_s_page_leads_to_its_special_hours(client: TestClient) -> None:
    link = get_page(client, "/stores/east%2F1%20%3F").attribute(".card a[href*=special]", "href")
    page = get_page(client, link)
    assert page.attribute("#store_id", "value") == "east/1 ?"
    set_hours(client)
    assert get_page(client, link).all(ROWS) == []
    page = set_hours(client, store_id="east/1 ?")
    assert page.text("h1") == "Special hours of east/1 ? Elm <i>"
    assert page.texts(f"{ROWS} [data-heading=Store]") == ["east/1 ? Elm <i>"]
    assert page.attribute(f"{ROWS} a", "href") == "/stores/east%2F1%20%3F"


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("store_id", "nobody", "Unknown store: nobody."),
        ("store_id", "a\0", "Must not contain NUL."),
        ("date", "", "Not a date between 1900 and 9998"),
        ("date", "24.12.2024", "Not a date between 1900 and 9998"),
        ("hours", " , ", "Write times, such as 09:00-12:00, or closed"),
        ("hours", SCRIPT, f"'{SCRIPT}' is not a time range"),
        ("hours", "9:00-12:00 " * 21, "List should have at most 20 items"),
    ],
)
def test_what_is_wrong_stands_beside_its_field_and_the_rest_is_kept(
    client: TestClient, field: str, value: str, message: str
) -> None:
    page = parsed(post_form(client, URL, **(FIELDS | {field: value})), 422)
    assert page.text(f"#{field}-wrong").startswith(message)
    assert page.one("[aria-invalid=true]").attributes["name"] == field
    for name, sent in (FIELDS | {field: value}).items():
        if "\0" not in sent:
            assert page.attribute(f"#{name}", "value") == sent
    assert client.get("/special_hours").json() == []


@pytest.mark.slow
def test_the_list_has_pages(client: TestClient) -> None:
    for n in range(51):
        client.put(f"/special_hours/*/{2000 + n}-12-25", json={"hours": []}).raise_for_status()
    page = get_page(client, URL, store_id="*")
    assert len(page.all(ROWS)) == 50
    older = get_page(client, URL + page.attribute("a[rel=next]", "href"))
    assert older.texts(f"{ROWS} th") == ["Mon 25 Dec 2000"]
    assert older.all("a[rel=next]") == []
    get_page(client, URL, 422, store_id="nobody")


def test_who_may_read_only_sees_no_form_and_nothing_comes_from_other_sites(
    settings: Settings,
) -> None:
    reader, admin = (bearer(key) for key in make_keys(settings, [["report"], ["admin"]]))
    with running(settings) as client:
        client.put("/special_hours/*/2024-12-25", json={"hours": []}, headers=admin)
        assert parsed(client.get(URL, headers=HTML | reader)).all("main form") == []
        assert len(parsed(client.get(URL, headers=HTML | admin)).all("main form")) == 2
        fields = {"store_id": "*", "date": "2024-12-25", "hours": "closed"}
        for path in (URL, f"{URL}/remove"):
            answer = client.post(path, data=fields, headers=admin)
            assert answer.status_code == 403  # without the page's token
        assert len(client.get("/special_hours", headers=admin).json()) == 1
