"""The timer of a user who has signed in: start, stop, edit, overview."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from fastapi.testclient import TestClient

from openhours.times import iso, now
from tests.helpers.clients import PASSWORD
from tests.helpers.html import HTML, get_page, parsed, post_form

ROWS = "[aria-label='List of sessions'] tbody tr"
_users = iter(range(1000))


@pytest.fixture
def user(empty: TestClient) -> Iterator[TestClient]:
    """A new user in Denver who has signed up in this browser."""
    name = f"user {next(_users)}"
    answer = post_form(
        empty, "/signup", username=name, password=PASSWORD, timezone="America/Denver"
    )
    assert (answer.status_code, answer.headers["location"]) == (303, "/timer")
    yield empty
    post_form(empty, "/signout")


def save(user: TestClient, *finished: tuple[str, str, int]) -> None:
    """Save sessions over the API: name, start and milliseconds of each."""
    page = get_page(user, "/timer")
    headers = {"X-CSRF-Token": page.attribute("meta[name=csrf-token]", "content")}
    for name, created_at, ms in finished:
        body = {"name": name, "createdAt": created_at, "time": ms}
        body |= {"username": page.text(".signout span")}
        answer = user.post("/api/v1/sessions/new", json=body, headers=headers)
        assert answer.status_code == 200, answer.text


def test_it_is_for_users_who_have_signed_in(empty: TestClient) -> None:
    answer = empty.get("/timer", headers=HTML)
    assert (answer.status_code, answer.headers["location"]) == (303, "/signin?next=/timer")
    assert post_form(empty, "/timer/start").status_code == 401


def test_without_sessions_it_offers_to_start(user: TestClient) -> None:
    page = get_page(user, "/timer")
    assert page.text("h1") == "Timer"
    assert page.text("#overview-heading") == "0 s in 7 days"
    assert "None yet" in page.text("section[aria-labelledby=sessions-heading]")
    assert page.attribute("#zone", "value") == "America/Denver"


def test_a_session_runs_until_it_is_stopped(user: TestClient) -> None:
    assert post_form(user, "/timer/start", name=" Invoices <i> ").status_code == 303
    page = get_page(user, "/timer")
    assert page.text("h1") == "Invoices <i>"
    assert page.text("head title").startswith("Running: Invoices <i>")
    assert page.all("[data-elapsed-ms]")
    assert "running" in page.text(ROWS)
    assert post_form(user, "/timer/stop").status_code == 303
    assert get_page(user, "/timer").text("h1") == "Timer"


def test_a_second_start_and_a_second_stop_are_refused_in_words(user: TestClient) -> None:
    post_form(user, "/timer/start", name="first")
    refused = parsed(post_form(user, "/timer/start", name="second"), 409)
    assert refused.text("[role=alert]") == "A session is running already: stop it first."
    assert refused.text("h1") == "first"
    assert len(refused.all(ROWS)) == 1
    # Its links work although the address is that of the form.
    week = next(node for node in refused.all(".tabs a") if node.text() == "By week")
    assert get_page(user, week.attributes["href"] or "").text("h1") == "first"

    post_form(user, "/timer/stop")
    refused = parsed(post_form(user, "/timer/stop"), 409)
    assert refused.text("[role=alert]") == "No session is running."
    assert refused.text("h1") == "Timer"


def test_a_session_is_edited_and_deleted(user: TestClient) -> None:
    save(user, ("draft", "2024-03-01T15:00:00.123Z", 3_600_000))
    page = get_page(user, "/timer")
    link = page.one(f"{ROWS} a").attributes["href"]
    assert link is not None
    page = get_page(user, link.partition("#")[0])
    path = page.attribute("#edit form:first-of-type", "action")
    assert page.attribute("#edit-start", "value") == "2024-03-01T08:00:00"
    fields = {"start": "2024-03-01T08:00:00", "end": "2024-03-01T09:30:00", "name": "final"}
    assert post_form(user, path, **fields).status_code == 303
    (row,) = get_page(user, "/timer").texts(ROWS)
    assert row.startswith("final Fri 1 Mar 2024, 08:00 Fri 1 Mar 2024, 09:30 1 h 29 min")
    for change, message in (
        ({"end": "2024-03-01T07:00:00"}, "end: must be after the start"),
        ({"end": "x"}, "end: not a local time"),
        ({"start": "2099-01-01T00:00:00", "end": "2099-01-02T00:00:00"}, "start: must not be more"),
        ({"name": "x" * 201}, "name: "),
    ):
        answer = parsed(post_form(user, path, **(fields | change)), 422)
        assert answer.text("main li").startswith(message)
    assert post_form(user, f"{path}/delete").status_code == 303
    assert get_page(user, "/timer").all(ROWS) == []
    assert parsed(post_form(user, f"{path}/delete"), 404).text("h1") == "Not found"


def test_the_overview_is_by_day_week_and_month(user: TestClient) -> None:
    start = iso(now() - timedelta(hours=2))
    save(user, ("work", start, 3_600_000), ("also", start, 1_800_000))
    usual = (("day", "7 days", 7), ("week", "8 weeks", 8), ("month", "12 months", 12))
    for by, words, count in usual:
        page = get_page(user, "/timer", by=by)
        assert page.text("#overview-heading") == f"1 h 30 min in {words}"
        assert len(page.all(".columns g")) == count
        assert page.text(".tabs [aria-current]") == f"By {by}"
    assert "Sessions overlap: " in page.text(".alert")
    assert page.texts("table.compact:last-child tbody tr") == ["work 1 h", "also 30 min"]


def test_sessions_are_paged(user: TestClient) -> None:
    days = [iso(now() - timedelta(days=100 - n)) for n in range(51)]
    save(user, *((f"s{n:02d}", day, 1000) for n, day in enumerate(days)))
    first = get_page(user, "/timer")
    older = get_page(user, first.one("[rel=next]").attributes["href"] or "")
    found = first.texts(f"{ROWS} th") + older.texts(f"{ROWS} th")
    assert found == [f"s{n:02d}" for n in reversed(range(51))]
    assert older.all("[rel=next]") == []


def test_the_zone_is_changed(user: TestClient) -> None:
    assert post_form(user, "/timer/zone", zone="Asia/Tokyo").status_code == 303
    assert get_page(user, "/timer").attribute("#zone", "value") == "Asia/Tokyo"
    refused = parsed(post_form(user, "/timer/zone", zone="Mars"), 422)
    assert refused.text("main li") == "zone: not an IANA time zone, such as Europe/Berlin"


@pytest.mark.parametrize("params", [{"by": "year"}, {"cursor": "x"}, {"edit": "x"}])
def test_bad_parameters_are_named(user: TestClient, params: dict[str, Any]) -> None:
    page = get_page(user, "/timer", 422, **params)
    assert page.text("main li").startswith(f"{next(iter(params))}: ")
