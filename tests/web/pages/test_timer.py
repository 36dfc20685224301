"""The timer of a user who has signed in: start, switch, stop, add, edit, delete, overview."""

import re
from datetime import datetime, timedelta
from typing import Any

import pytest
from fastapi.testclient import TestClient

from openhours.times import iso, now
from tests.helpers.html import HTML, get_page, parsed, post_form
from tests.helpers.work_sessions import ROWS, api_sessions, save, session_ids

SESSIONS = "section[aria-labelledby=sessions-heading]"


def test_it_is_for_users_who_have_signed_in(empty: TestClient) -> None:
    answer = empty.get("/timer", headers=HTML)
    assert (answer.status_code, answer.headers["location"]) == (303, "/signin?next=/timer")
    assert post_form(empty, "/timer/start").status_code == 401


def test_without_sessions_it_says_how_to_begin(user: TestClient) -> None:
    page = get_page(user, "/timer")
    assert page.text("h1") == "Timer"
    assert page.text("#overview-heading") == "Nothing tracked in 7 days"
    assert page.text(f"{SESSIONS} .note") == "No sessions yet. Name a task and press Start."
    assert page.texts(".sums span") == ["Today 0 s", "This week 0 s"]
    assert page.text("label[for=zone]") == "Time zone"
    assert page.attribute("#zone", "value") == "America/Denver"


def test_a_session_runs_until_it_is_stopped(user: TestClient) -> None:
    assert post_form(user, "/timer/start", name=" Invoices <i> ").status_code == 303
    page = get_page(user, "/timer")
    assert page.text("h1") == "Invoices <i>"
    assert page.text("head title").startswith("Running: Invoices <i>")
    assert re.fullmatch(r"00:00:\d\d", page.text("[role=timer]"))
    (row,) = page.texts(ROWS)
    assert row.startswith("Invoices <i>")
    assert row.endswith("to now running Edit"), "it cannot be continued"
    assert post_form(user, "/timer/stop").status_code == 303
    assert get_page(user, "/timer").text("h1") == "Timer"


@pytest.mark.slow
def test_the_header_of_every_page_has_the_running_clock(user: TestClient) -> None:
    paths = ("/", "/stores", "/reports", "/corrections", "/pcs", "/traffic", "/activity", "/timer")
    for path in paths:
        assert get_page(user, path).all(".top .running") == [], path
    post_form(user, "/timer/start", name="<i>")
    for path in paths:
        page = get_page(user, path)
        assert re.fullmatch(r"<i> 00:00:\d\d", page.text(".top .running")), path
        assert page.attribute(".top .running", "href") == "/timer"
    refused = parsed(post_form(user, "/activity", user_id="x"), 422)
    assert refused.all(".top .running")
    post_form(user, "/signout")
    assert get_page(user, "/stores").all(".running") == []


def test_a_second_start_and_a_second_stop_are_refused_in_words(user: TestClient) -> None:
    post_form(user, "/timer/start", name="first")
    refused = parsed(post_form(user, "/timer/start?by=week", name="second"), 409)
    assert refused.text("[role=alert]") == "A session is running already: stop it first."
    assert refused.text("h1") == "first"
    assert refused.attribute("form[action^='/timer/switch'] #name", "value") == "second"
    assert len(refused.all(ROWS)) == 1
    # Its links work although the address is that of the form.
    month = next(node for node in refused.all(".tabs a") if node.text() == "By month")
    assert get_page(user, month.attributes["href"] or "").text("h1") == "first"

    post_form(user, "/timer/stop")
    refused = parsed(post_form(user, "/timer/stop"), 409)
    assert refused.text("[role=alert]") == "No session is running."
    assert refused.text("h1") == "Timer"


def test_one_click_switches_to_another_session_and_continues_an_earlier_one(
    user: TestClient,
) -> None:
    save(user, ("draft", "2024-03-01T15:00:00Z", 3_600_000))
    post_form(user, "/timer/start", name="first")
    assert post_form(user, "/timer/switch", name="second").status_code == 303
    assert get_page(user, "/timer").texts(f"{ROWS} th") == ["second", "first", "draft"]
    page = get_page(user, "/timer")
    form = next(node for node in page.all(f"{ROWS} form") if "draft" in (node.html or ""))
    (name,) = form.css("input[name=name]")
    assert (form.attributes["action"], name.attributes["value"]) == ("/timer/switch", "draft")
    assert post_form(user, "/timer/switch", name="draft").status_code == 303
    page = get_page(user, "/timer")
    assert page.text("h1") == "draft"
    assert len([row for row in page.texts(ROWS) if "running" in row]) == 1


def test_a_forgotten_session_is_added(user: TestClient) -> None:
    page = get_page(user, "/timer")
    assert "open" not in page.one("#add").attributes
    # What is offered is the last hour, in the user's zone.
    begins, ends = (page.attribute(f"#add-{name}", "value") for name in ("start", "end"))
    length = datetime.fromisoformat(ends) - datetime.fromisoformat(begins)
    assert length == timedelta(hours=1)
    times = {"start": "2024-03-01T08:00", "end": "2024-03-01T09:30"}
    assert post_form(user, "/timer/add", name=" forgotten ", **times).status_code == 303
    (row,) = get_page(user, "/timer").texts(ROWS)
    assert row == "forgotten Fri 1 Mar 2024, 08:00 to 09:30 1 h 30 min Continue Edit"


WRONG = [
    ("end", "2024-03-01T07:59", "Must be after the start."),
    ("end", "2025-03-03T08:00", "Must be within 366 days after the start."),
    ("end", "", "Must not be empty."),
    ("end", "x", "Not a local time"),
    ("start", "", "Must not be empty."),
    ("start", "2099-01-01T00:00", "Must not be more than 5 minutes ahead."),
    ("name", "x" * 201, "Use 200 characters or fewer."),
]


@pytest.mark.slow
@pytest.mark.parametrize("form", ["add", "edit"])
def test_what_is_wrong_stands_beside_its_field_and_the_rest_is_kept(
    user: TestClient, form: str
) -> None:
    save(user, ("draft", "2024-03-01T15:00:00Z", 3_600_000))
    path = "/timer/add" if form == "add" else f"/timer/{session_ids(user)[0]}"
    before = get_page(user, "/timer").texts(ROWS)
    good = {"name": "<i>", "start": "2024-03-01T08:00", "end": "2024-03-01T09:30"}
    for field, text, message in WRONG:
        sent = good | {field: text}
        page = parsed(post_form(user, path, **sent), 422)
        assert page.text(f"#{form}-{field}-wrong").startswith(message)
        assert page.attribute("[aria-invalid=true]", "id") == f"{form}-{field}"
        for name, value in sent.items():
            assert (page.attribute(f"#{form}-{name}", "value") or "") == value
        assert ("open" in page.one("#add").attributes) == (form == "add")
    assert get_page(user, "/timer").texts(ROWS) == before


def test_a_session_is_edited_and_a_time_that_is_left_keeps_its_milliseconds(
    user: TestClient,
) -> None:
    save(user, ("draft", "2024-03-01T15:00:10.123Z", 3_600_000))
    page = get_page(user, "/timer")
    link = page.one(f"{ROWS} a").attributes["href"]
    assert link is not None
    page = get_page(user, link.partition("#")[0])
    path = page.attribute("#edit form:first-of-type", "action")
    shown = {name: page.attribute(f"#edit-{name}", "value") for name in ("start", "end", "name")}
    assert shown == {"start": "2024-03-01T08:00", "end": "2024-03-01T09:00", "name": "draft"}
    assert post_form(user, path, **(shown | {"name": "final"})).status_code == 303
    (session,) = api_sessions(user)
    assert (session["name"], session["time"]) == ("final", 3_600_000)
    assert session["createdAt"] == "2024-03-01T15:00:10.123000Z"
    assert post_form(user, path, **(shown | {"end": "2024-03-01T09:30:10"})).status_code == 303
    (session,) = api_sessions(user)
    assert session["time"] == 5_400_000 - 123
    assert session["createdAt"] == "2024-03-01T15:00:10.123000Z"


def test_a_session_is_deleted_and_brought_back(user: TestClient) -> None:
    save(user, ("draft <i>", "2024-03-01T15:00:00Z", 3_600_000))
    (session,) = session_ids(user)
    assert post_form(user, f"/timer/{session}/delete?by=week").headers["location"] == (
        "/timer?by=week"
    )
    page = get_page(user, "/timer")
    assert page.all(ROWS) == []
    said = "Deleted: draft <i>, Fri 1 Mar 2024, 08:00 to 09:00 ."
    assert page.text(".notice [role=status]") == said
    undo = page.attribute(".notice", "action")
    assert post_form(user, undo).status_code == 303
    page = get_page(user, "/timer")
    assert (page.all(".notice"), page.texts(f"{ROWS} th")) == ([], ["draft <i>"])
    again = parsed(post_form(user, undo), 404)
    assert again.text("main li") == "This deletion can no longer be undone."
    assert again.attribute("main .button", "href") == "/timer"
    assert parsed(post_form(user, "/timer/999999999/delete"), 404).text("h1") == "Not found"


def test_a_running_session_is_not_brought_back_beside_another(user: TestClient) -> None:
    post_form(user, "/timer/start", name="first")
    post_form(user, f"/timer/{session_ids(user)[0]}/delete")
    post_form(user, "/timer/start", name="second")
    undo = get_page(user, "/timer").attribute(".notice", "action")
    refused = parsed(post_form(user, undo), 409)
    assert refused.text("[role=alert]") == "A session is running already: stop it first."
    assert refused.text("h1") == "second"


@pytest.mark.slow
def test_sessions_are_paged(user: TestClient) -> None:
    days = [iso(now() - timedelta(days=100 - n)) for n in range(51)]
    save(user, *((f"s{n:02d}", day, 1000) for n, day in enumerate(days)))
    first = get_page(user, "/timer?by=month")
    older = get_page(user, first.one("[rel=next]").attributes["href"] or "")
    found = first.texts(f"{ROWS} th") + older.texts(f"{ROWS} th")
    assert found == [f"s{n:02d}" for n in reversed(range(51))]
    assert older.all("[rel=next]") == []
    assert older.text(".heading .tabs [aria-current]") == "By month"


def test_the_zone_is_changed(user: TestClient) -> None:
    assert post_form(user, "/timer/zone", zone=" Asia/Tokyo ").status_code == 303
    assert get_page(user, "/timer").attribute("#zone", "value") == "Asia/Tokyo"
    refused = parsed(post_form(user, "/timer/zone", zone="Mars <i>"), 422)
    assert refused.text("#zone-wrong") == "Not an IANA time zone, such as Europe/Berlin."
    assert refused.attribute("#zone", "value") == "Mars <i>"


def test_bad_parameters_are_named(user: TestClient) -> None:
    for name, text in (("by", "year"), ("cursor", "x"), ("edit", "x")):
        params: dict[str, Any] = {name: text}
        page = get_page(user, "/timer", 422, **params)
        assert page.text("h1") == "Please check what you entered"
        assert page.text("main li").startswith(f"{name}: ")
        assert page.attribute("main .button", "href") == "/timer"
