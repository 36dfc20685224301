"""A file's page: how far it is, what was loaded, which rows were rejected and why."""

import asyncio

import asyncpg
from fastapi.testclient import TestClient

from openhours.settings import Settings
from tests.helpers.html import get_page


def test_rejected_rows_are_shown_with_their_reasons(stocked: TestClient) -> None:
    page = get_page(stocked, "/files/polls")
    assert page.text("h1") == "polls.csv"
    assert page.texts(".facts dd")[2:] == ["5", "2", "1", "2"]
    assert page.text("#rejects h2") == "2 rows rejected"
    assert page.texts(".reasons li") == ["bad_status 1", "mangled_store_id 1"]
    assert page.texts("#rejects tbody tr") == [
        r"3 mangled_store_id \xff,active,2023-01-23",
        "4 bad_status <b>x</b>,asleep",
    ]
    link = page.one("#rejects .note a").attributes["href"]
    assert link == "/ingestions/polls/rejects.csv"
    assert stocked.get(link).status_code == 200


def test_a_page_says_what_is_not_kept_and_warns_of_formulas(
    stocked: TestClient, stocked_settings: Settings
) -> None:
    async def execute(statement: str) -> None:
        assert stocked_settings.database_url is not None
        connection = await asyncpg.connect(stocked_settings.database_url.get_secret_value())
        await connection.execute(statement)
        await connection.close()

    more = "rejected = 1002, rejected_by_reason = '{\"bad_status\": 1002}', warning = '=<b>'"
    asyncio.run(execute(f"UPDATE ingestions SET {more} WHERE ingestion_id = 'polls'"))
    page = get_page(stocked, "/files/polls")
    less = 'rejected = 2, rejected_by_reason = \'{"mangled_store_id": 1, "bad_status": 1}\''
    restored = f"UPDATE ingestions SET {less}, warning = NULL WHERE ingestion_id = 'polls'"
    asyncio.run(execute(restored))
    assert page.text(".alert") == "=<b>."
    assert page.text("#rejects h2") == "1,002 rows rejected"
    assert page.text(".not-kept").startswith("1,000 rejected rows not kept")


def test_each_state_has_its_words(stocked: TestClient) -> None:
    assert "No row was rejected." in get_page(stocked, "/files/zones").text("#rejects")
    failed = get_page(stocked, "/files/cats")
    assert failed.text("[role=alert]") == "Refused: no store_id column"
    waiting = get_page(stocked, "/files/inbox")
    assert waiting.attribute("[data-watch-file]", "data-watch-file") == "inbox"
    assert waiting.texts(".facts dd")[0] == "not read yet"


def test_an_unknown_file_is_not_found(stocked: TestClient) -> None:
    assert get_page(stocked, "/files/nothing", 404).text("h1") == "Not Found"
