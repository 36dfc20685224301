"""The search in every page's header: one hit opens, several are listed."""

from collections.abc import Iterator

import pytest
from fastapi.testclient import TestClient

from openhours.settings import Settings
from openhours.web.pages.find import meanings
from tests.helpers import stock
from tests.helpers.html import HTML, get_page
from tests.reports.computing import Reports, reporting


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("", []),
        (" Elm Street ", ["Elm Street"]),
        ("10 03", ["10 03", "1003"]),
        ("store 1003", ["store 1003", "1003"]),
        ("Store #10 03", ["Store #10 03", "1003"]),
        ("PC desk", ["PC desk", "pc:desk", "desk"]),
        ("PC", ["PC"]),
        ("pc:desk", ["pc:desk", "desk"]),
        ("storefront 7", ["storefront 7"]),
        ("store", ["store"]),
    ],
)
def test_what_is_written_is_read_as_a_person_means_it(written: str, meant: list[str]) -> None:
    assert meanings(written) == meant


@pytest.mark.parametrize(
    ("written", "opened"),
    [
        ("store-003", "/stores/store-003"),
        ("store 003", "/stores/store-003"),
        ("0 03", "/stores/store-003"),
        ("elm <i>street", "/stores/store-003"),
        (stock.SLASHED, "/stores/chain%2F7%20%26%20more%3F%23%25"),
        (stock.PC, "/pcs?pc=desk+%26+%3Cb%3Echair%3C%2Fb%3E"),
        ("pc desk &", "/pcs?pc=desk+%26+%3Cb%3Echair%3C%2Fb%3E"),
    ],
)
def test_the_only_store_that_is_meant_opens(stocked: TestClient, written: str, opened: str) -> None:
    assert found(stocked, written) == opened
    assert stocked.get(opened, headers=HTML).status_code == 200


def test_several_stores_are_listed_and_so_is_none(stocked: TestClient) -> None:
    assert found(stocked, "store 01") == "/stores?q=01"
    assert found(stocked, "store-0") == "/stores?q=store-0"
    assert found(stocked, "nothing like it") == "/stores?q=nothing+like+it"
    assert found(stocked, " ") == "/stores"
    assert stocked.get("/find?q=%00", headers=HTML).status_code == 422


def test_the_form_is_in_the_header_of_every_page(stocked: TestClient) -> None:
    for path in ("/", "/stores", "/reports", "/corrections", "/pcs", "/traffic", "/stores/nothing"):
        answer = stocked.get(path, headers=HTML)
        assert 'role="search" aria-label="All stores" action="/find"' in answer.text


def found(client: TestClient, written: str) -> str:
    answer = client.get("/find", params={"q": written}, headers=HTML)
    assert answer.status_code == 303
    return str(answer.headers["location"])


def test_an_id_that_is_a_part_of_others_opens_its_own_store(stocked: TestClient) -> None:
    page = get_page(stocked, "/stores", q="store-01")
    assert len(page.all("table.stores tbody tr")) == 10
    assert found(stocked, "store-010") == "/stores/store-010"


@pytest.fixture
def reports(settings: Settings) -> Iterator[Reports]:
    with reporting(settings) as found:
        yield found


POLL = ["2023-01-20 12:00 active"]


def test_what_was_written_wins_over_what_else_it_may_mean(reports: Reports) -> None:
    for store in ("7", "n", "desk"):
        reports.store(store, POLL)
    reports.label("n", name="Store 7")
    beat = {"pc": "desk", "event_time": "2023-01-20T10:00:00Z"}
    assert reports.client.post("/track", json=beat).status_code == 201
    assert found(reports.client, "Store 7") == "/stores/n"
    assert found(reports.client, "7") == "/stores/7"
    assert found(reports.client, "store desk") == found(reports.client, "desk") == "/stores/desk"
    assert found(reports.client, "pc desk") == found(reports.client, "PC: desk") == "/pcs?pc=desk"


def test_a_pc_without_a_heartbeat_opens_as_a_store(reports: Reports) -> None:
    reports.label("pc:till", region="west")
    for written in ("pc:till", "pc till", "till", "til"):
        assert found(reports.client, written) == "/stores/pc%3Atill"
    assert get_page(reports.client, "/stores/pc%3Atill").text("h1")
