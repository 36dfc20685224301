"""Corrections: the list with who, when and why, and the form that makes one."""

import re
from collections.abc import Iterator
from typing import Any

import pytest
from fastapi.testclient import TestClient

from openhours.settings import Settings
from tests.helpers.clients import bearer, make_keys, running
from tests.helpers.html import HTML, Html, get_page, parsed, post_form, words
from tests.stores.database import add_stores

SCRIPT = "<script>alert(1)</script>"
FIELDS = {
    "which": "all",
    "from": "2022-10-30T02:30",
    "to": "2022-10-30T12:00",
    "zone": "Europe/Berlin",
    "treat_as": "down",
    "category": "platform_outage",
    "reason": SCRIPT,
}
ROWS = "[aria-label=Corrections] tbody tr"


@pytest.fixture
def client(settings: Settings) -> Iterator[TestClient]:
    add_stores(
        settings,
        {
            "west 1": {"region": "west", "name": "Elm <i>"},
            "west 2": {"region": "west", "brand": SCRIPT},
            "west 3": {"region": "west"},
            "east/1": {"region": "east"},
        },
    )
    with running(settings) as client:
        yield client


def send(client: TestClient, **fields: str) -> Html:
    """Post the form, which is not accepted, and return the page that says why."""
    return parsed(post_form(client, "/corrections/new", **(FIELDS | fields)), 422)


def made(client: TestClient, **fields: str) -> dict[str, Any]:
    """Post the form, which is accepted, and return the correction that was made."""
    answer = post_form(client, "/corrections/new", **(FIELDS | fields))
    assert (answer.status_code, answer.headers["location"]) == (303, "/corrections"), answer.text
    correction: dict[str, Any] = client.get("/corrections").json()[0]
    return correction


def test_without_any_it_says_what_they_are_for(client: TestClient) -> None:
    page = get_page(client, "/corrections")
    assert page.text(".empty h2") == "No corrections"
    assert page.attribute("main .primary", "href") == "/corrections/new"
    assert page.text("nav [aria-current=page]") == "Corrections"


def test_one_is_made_by_the_form_in_the_zone_that_it_names(client: TestClient) -> None:
    correction = made(client)
    assert correction["all"]
    # 02:30 was twice on that day: it is the first of the two.
    assert correction["from"] == "2022-10-30T00:30:00.000000Z"
    assert correction["to"] == "2022-10-30T11:00:00.000000Z"
    client.cookies.set("zone", "Europe/Berlin")
    (row,) = get_page(client, "/corrections").all(ROWS)
    assert re.sub(r"\w+ \d+ \w+ 20(?!22)\d\d, \d\d:\d\d", "now", words(row)) == (
        "Sun 30 Oct 2022, 02:30 to Sun 30 Oct 2022, 12:00 all stores down"
        f" {SCRIPT} platform outage local now Revoke"
    )


def test_stores_are_written_searched_and_ticked(client: TestClient) -> None:
    written = {"which": "stores", "store_ids": " east/1 \r\n\r\nnobody\r\n", "search": "WEST"}
    for action in ("search", "enter"):
        answer = post_form(client, "/corrections/new", action=action, **(FIELDS | written))
        page = parsed(answer)
        assert page.text("[role=status] .note") == "3 stores found. Select the ones you mean."
        assert page.texts("[role=status] label") == ["west 1 Elm <i>", "west 2", "west 3"]
        assert page.text("textarea[name=store_ids]") == "east/1 nobody"
        assert page.attribute("#from", "value") == FIELDS["from"]
        assert page.attribute("#reason", "value") == SCRIPT
    refused = send(client, **(written | {"found": "west 2"}))
    assert refused.text("#store_ids-wrong") == "Unknown store: nobody."
    assert refused.text("textarea[name=store_ids]") == "east/1 nobody west 2"
    assert client.get("/corrections").json() == []
    correction = made(client, which="stores", store_ids="west 2\neast/1", found="west 2")
    assert correction["store_ids"] == ["east/1", "west 2"]
    assert get_page(client, "/corrections").text(f"{ROWS} td a") == "stores east/1, west 2"


def test_names_stand_beside_ids(client: TestClient) -> None:
    made(client, which="stores", store_ids="west 1")
    made(client, which="stores", store_ids="west 1\neast/1")
    page = get_page(client, "/corrections")
    assert page.texts(f"{ROWS} [data-heading=Stores]") == [
        "stores east/1, west 1 (Elm <i>)",
        "west 1 Elm <i>",
    ]


def test_labels_are_written_as_at_the_command_line(client: TestClient) -> None:
    page = get_page(client, "/corrections/new")
    shown = f"For example: brand={SCRIPT}, name=Elm <i>, region=east, region=west."
    assert page.text(".of-labels .note").endswith(shown)
    labels = f"region=west\r\n region = east \r\nbrand={SCRIPT}"
    correction = made(client, which="labels", labels=labels)
    assert correction["labels"] == {"region": ["west", "east"], "brand": [SCRIPT]}


def test_a_store_s_page_leads_to_the_form_for_it(client: TestClient) -> None:
    link = get_page(client, "/stores/east%2F1").attribute("main .note a[href*=new]", "href")
    page = get_page(client, link)
    assert page.text("textarea[name=store_ids]") == "east/1"
    assert page.attribute("#zone", "value") == "America/Chicago"
    made(client, which="stores", store_ids="east/1")
    assert get_page(client, "/corrections").attribute(f"{ROWS} td a", "href") == "/stores/east%2F1"


@pytest.mark.parametrize(
    ("fields", "field", "message"),
    [
        ({"which": "stores"}, "store_ids", "Name one store or more."),
        ({"which": "stores", "store_ids": "a\0b"}, "store_ids", "Must not contain NUL."),
        ({"which": "labels"}, "labels", "Name one label or more."),
        ({"which": "labels", "labels": "west"}, "labels", "Not a label, such as region=west"),
        ({"which": "labels", "labels": "zone=x"}, "labels", "Unknown label: zone."),
        ({"which": "labels", "labels": "region=x"}, "labels", "Unknown value of region: x."),
        ({"from": ""}, "from", "Field required"),
        ({"from": "yesterday"}, "from", "Not a local time"),
        ({"from": "1999-12-31T23:00"}, "from", "Not a local time since 2000"),
        ({"to": "2022-10-30T02:30"}, "to", "To must be after from."),
        ({"zone": "Mars/Base"}, "zone", "Not an IANA time zone"),
        ({"treat_as": "closed"}, "treat_as", "Choose 'excluded', 'up' or 'down'."),
        ({"category": "weather"}, "category", "Choose 'maintenance',"),
        ({"reason": " "}, "reason", "Must not be empty."),
    ],
)
def test_what_is_wrong_stands_beside_its_field_and_the_rest_is_kept(
    client: TestClient, fields: dict[str, str], field: str, message: str
) -> None:
    page = send(client, **fields)
    assert page.text(f"#{field}-wrong").startswith(message)
    wrong = page.one("[aria-invalid=true]")
    assert wrong.attributes["name"] == field
    assert wrong.attributes["aria-describedby"] == f"{field}-wrong"
    sent = FIELDS | fields
    for name in ("from", "to", "zone", "reason"):
        assert page.attribute(f"#{name}", "value") == sent[name]
    checked = page.one("input[name=which][checked]")
    assert checked.attributes["value"] == sent["which"]
    assert client.get("/corrections").json() == []


def test_a_correction_is_revoked_and_stays_listed(client: TestClient) -> None:
    made(client, reason="first")
    made(client, reason="second")
    action = get_page(client, "/corrections").all("main form")[1].attributes["action"]
    assert action is not None
    for _ in range(2):
        answer = post_form(client, action)
        assert (answer.status_code, answer.headers["location"]) == (303, "/corrections")
    page = get_page(client, "/corrections")
    assert [row.attributes.get("class") for row in page.all(ROWS)] == [None, "revoked"]
    assert [text.split(" ")[0] for text in page.texts(f"{ROWS} td:last-child")] == [
        "Revoke",
        "local",
    ]
    missing = post_form(client, "/corrections/nothing/revoke")
    assert parsed(missing, 404).text("main li") == "No correction has this id."


@pytest.mark.slow
def test_the_list_has_pages(client: TestClient) -> None:
    for n in range(51):
        made(client, reason=f"number {n}")
    page = get_page(client, "/corrections")
    assert len(page.all(ROWS)) == 50
    older = get_page(client, page.attribute("a[rel=next]", "href"))
    assert "number 0" in older.text(ROWS)
    assert older.all("a[rel=next]") == []


def test_who_may_read_only_sees_no_buttons_and_nothing_comes_from_other_sites(
    settings: Settings,
) -> None:
    reader, admin = (bearer(key) for key in make_keys(settings, [["report"], ["admin"]]))
    with running(settings) as client:
        body = {name: FIELDS[name] for name in ("treat_as", "category", "reason")} | {
            "all": True,
            "from": "2022-10-30T00:00:00Z",
            "to": "2022-10-31T00:00:00Z",
        }
        correction = client.post("/corrections", json=body, headers=admin).json()
        page = parsed(client.get("/corrections", headers=HTML | reader))
        assert page.all("main form, main .primary") == []
        assert parsed(client.get("/corrections", headers=HTML | admin)).all("main form button")
        assert client.get("/corrections/new", headers=HTML | reader).status_code == 403
        for path in ("new", f"{correction['correction_id']}/revoke"):
            answer = client.post(f"/corrections/{path}", data=FIELDS, headers=admin)
            assert answer.status_code == 403  # without the page's token
        assert client.get("/corrections", headers=admin).json() == [correction]
