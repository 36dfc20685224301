"""`/deliveries`: what was sent, to where, and sending it again."""

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from openhours.delivery.schedule import next_report_at
from openhours.settings import Settings
from tests.delivery.events import Outbox, fail_a_report, fail_an_ingestion
from tests.helpers.clients import bearer, make_keys, running
from tests.helpers.database import fetch, on_engine
from tests.helpers.html import HTML, get_page, parsed, post_form

ROWS = "[aria-label=Deliveries] tbody tr"


@pytest.fixture
def ends(settings: Settings, database_url: str) -> tuple[str, str]:
    """A report whose webhook waits, and a file whose webhook has arrived."""

    async def scenario(engine: AsyncEngine) -> tuple[str, str]:
        ends = await fail_a_report(engine, settings), await fail_an_ingestion(engine, settings)
        await Outbox(engine).run(
            "UPDATE deliveries SET destination = 'https://example.org', tries = 3,"
            " next_at = '2023-01-20 12:31Z', last_error = 'HTTP 503: <b>no' WHERE report > 0"
        )
        await Outbox(engine).run(
            "UPDATE deliveries SET destination = 'https://example.org', tries = 1, next_at = NULL,"
            " state = 'delivered', delivered_at = '2023-01-20 12:30Z' WHERE ingestion > 0"
        )
        return ends

    return on_engine(database_url, scenario)


def test_without_any_it_says_how_to_get_some(settings: Settings) -> None:
    with running(settings) as client:
        page = get_page(client, "/deliveries")
        assert page.text(".empty h2") == "No deliveries yet"
        assert "OPENHOURS_WEBHOOK_URL" in page.text(".empty")
        assert "OPENHOURS_WEBHOOK_URL" not in client.get("/deliveries").text, "JSON, else"


def test_it_tells_what_went_where_and_what_waits(settings: Settings, ends: tuple[str, str]) -> None:
    with running(settings) as client:
        page = get_page(client, "/deliveries")
        file, report = page.texts(ROWS)
        assert file.startswith("File not loaded: nowhere.csv ")
        assert "Webhook https://example.org Delivered Fri 20 Jan 2023, 12:30 1" in file
        assert "Waiting next try Fri 20 Jan 2023, 12:31 3 HTTP 503: <b>no Send again" in report
        links = [str(link.attributes["href"]) for link in page.all(f"{ROWS} th a")]
        assert links == [f"/files/{ends[1]}", f"/reports/{ends[0]}"]
        assert get_page(client, links[0]).text("[href='/deliveries']") == "delivered"
        assert get_page(client, links[1]).text("[href='/deliveries']") == "waiting"
        assert get_page(client, "/reports").text("[href='/deliveries']") == "Deliveries"


@pytest.mark.usefixtures("ends")
def test_its_button_sends_again(settings: Settings, database_url: str) -> None:
    with running(settings) as client:
        action = get_page(client, "/deliveries").all(f"{ROWS} form")[0].attributes["action"]
        answer = post_form(client, str(action))
        assert (answer.status_code, answer.headers["location"]) == (303, "/deliveries")
        row = get_page(client, "/deliveries").texts(ROWS)[0]
        assert "Waiting 0" in row
        parsed(post_form(client, "/deliveries/none/send_again"), 404)
    again = "SELECT count(*) FROM deliveries WHERE ingestion > 0 AND next_at <= now()"
    assert fetch(database_url, again) == [(1,)]


def test_who_may_not_load_files_gets_no_link_to_one(
    settings: Settings, ends: tuple[str, str]
) -> None:
    [reader] = make_keys(settings, [["report"]])
    with running(settings) as client:
        text = client.get("/deliveries", headers=HTML | bearer(reader)).text
    assert ends[0] in text
    assert ends[1] not in text
    assert "nowhere.csv" not in text


def test_the_list_of_reports_tells_when_the_next_is_made(
    settings: Settings, ends: tuple[str, str]
) -> None:
    del ends
    yearly = settings.model_copy(update={"report_cron": "30 6 1 1 *"})
    at = next_report_at(yearly)
    assert at is not None
    with running(yearly) as client:
        text = get_page(client, "/reports").text("main .note")
        assert f"The next scheduled report is made {at:%a} 1 Jan {at.year}, 06:30" in text
    with running(settings) as client:
        assert "scheduled" not in get_page(client, "/reports").text("main .note")
