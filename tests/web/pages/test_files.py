"""A file's page: how far it is, what was loaded, which rows were rejected and why."""

import asyncio
from typing import get_args

import asyncpg
from fastapi.testclient import TestClient

from openhours.ingestion.csv.kinds import Kind
from openhours.ingestion.csv.reasons import Reason
from openhours.settings import Settings
from openhours.web.file_words import KINDS, NEEDED, REASONS
from tests.helpers.html import HTML, get_page, post_form


async def execute(settings: Settings, statement: str) -> None:
    assert settings.database_url is not None
    connection = await asyncpg.connect(settings.database_url.get_secret_value())
    await connection.execute(statement)
    await connection.close()


def test_rejected_rows_are_shown_with_their_reasons(stocked: TestClient) -> None:
    page = get_page(stocked, "/files/polls")
    assert page.text("h1") == "polls.csv"
    assert page.texts(".facts dd")[2:] == ["5", "2", "1", "2"]
    assert page.text("#rejects h2") == "2 rows rejected"
    assert page.texts(".reasons li") == [
        "1 row: The status is neither active nor inactive. bad_status",
        "1 row: A spreadsheet has rounded the store id. mangled_store_id",
    ]
    assert page.texts("#rejects tbody tr") == [
        r"3 \xff,active,2023-01-23 A spreadsheet has rounded the store id.",
        "4 <b>x</b>,asleep The status is neither active nor inactive.",
    ]
    link = page.one("#rejects .note a").attributes["href"]
    assert link == "/ingestions/polls/rejects.csv"
    assert stocked.get(link).status_code == 200


def test_every_reason_is_a_sentence_and_every_type_has_a_name_and_columns() -> None:
    assert REASONS.keys() == set(Reason)
    assert all(words[0].isupper() and words.endswith(".") for words in REASONS.values())
    assert KINDS.keys() == NEEDED.keys() == set(get_args(Kind))
    assert NEEDED["hours"] == "store_id, day or dayOfWeek, start_time_local, end_time_local"


def test_what_to_do_stands_above_the_rows(stocked: TestClient) -> None:
    parts = [node.tag for node in get_page(stocked, "/files/polls").all("#rejects > *")]
    assert parts == ["h2", "ul", "p", "table"]


def test_a_page_says_what_is_not_kept_and_warns_of_formulas(
    stocked: TestClient, stocked_settings: Settings
) -> None:
    more = "rejected = 1002, rejected_by_reason = '{\"bad_status\": 1002}', warning = '=<b>'"
    asyncio.run(
        execute(stocked_settings, f"UPDATE ingestions SET {more} WHERE ingestion_id = 'polls'")
    )
    page = get_page(stocked, "/files/polls")
    less = 'rejected = 2, rejected_by_reason = \'{"mangled_store_id": 1, "bad_status": 1}\''
    restored = f"UPDATE ingestions SET {less}, warning = NULL WHERE ingestion_id = 'polls'"
    asyncio.run(execute(stocked_settings, restored))
    assert page.text(".alert") == "=<b>."
    assert page.text("#rejects h2") == "1,002 rows rejected"
    assert page.text(".not-kept").startswith("1,000 rejected rows were not kept")


def test_each_state_has_its_words(stocked: TestClient) -> None:
    assert "No row was rejected." in get_page(stocked, "/files/zones").text("#rejects")
    failed = get_page(stocked, "/files/cats")
    assert failed.text("[role=alert]") == "Not loaded: no store_id column"
    waiting = get_page(stocked, "/files/inbox")
    assert waiting.attribute("[data-watch-file]", "data-watch-file") == "inbox"
    assert waiting.texts(".facts dd")[0] == "not known yet"


def test_a_file_that_waits_can_be_cancelled_on_its_page(
    stocked: TestClient, stocked_settings: Settings
) -> None:
    new = "(ingestion_id, name, path, uploaded) VALUES ('waits', 'waits.csv', '/x', true)"
    asyncio.run(execute(stocked_settings, f"INSERT INTO ingestions {new}"))
    try:
        button = get_page(stocked, "/files/waits").one("form[action='/files/waits/cancel'] button")
        assert button.text() == "Cancel loading"
        forged = stocked.post("/files/waits/cancel", data={"csrf_token": "x"}, headers=HTML)
        assert forged.status_code == 403
        answer = post_form(stocked, "/files/waits/cancel")
        assert (answer.status_code, answer.headers["location"]) == (303, "/files/waits")
        page = get_page(stocked, "/files/waits")
        assert page.text("[role=alert]") == "Not loaded: cancelled by a request from 127.0.0.1"
        assert page.all("form[action='/files/waits/cancel']") == []
    finally:
        delete = "DELETE FROM ingestions WHERE ingestion_id = 'waits'"
        asyncio.run(execute(stocked_settings, delete))


def test_an_unknown_file_is_not_found(stocked: TestClient) -> None:
    assert get_page(stocked, "/files/nothing", 404).text("h1") == "Not found"
