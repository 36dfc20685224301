"""Activity: events, their counts per period, and the form that records one."""

from typing import Any

import pytest
from fastapi.testclient import TestClient

from tests.helpers.html import get_page, parsed, post_form

ROWS = "[aria-label=Events] tbody tr"


def test_without_events_it_says_how_to_record_one(empty: TestClient) -> None:
    page = get_page(empty, "/activity")
    assert page.text(".empty h2") == "No events"
    assert "counted when a period ends" in page.text("section[aria-labelledby=counts-heading]")


def test_events_are_listed_and_filtered(stocked: TestClient) -> None:
    page = get_page(stocked, "/activity", user_id=6)
    assert page.texts(f"{ROWS} td:nth-child(3)")[-1] == "6"
    assert page.texts(f"{ROWS} code")[-1] == '{"document": "<i>17</i>"}'
    none = get_page(stocked, "/activity", user_id=99)
    assert none.text(".empty h2") == "No events match"
    before = get_page(stocked, "/activity", to="2024-03-31T08:30", zone="Europe/Berlin")
    assert before.all(ROWS) == []


def test_counts_are_drawn_per_period_in_the_visitor_s_zone(stocked: TestClient) -> None:
    stocked.cookies.set("zone", "Asia/Kolkata")
    assert get_page(stocked, "/activity").texts(".columns title") == [
        "Mon 05 Jan 05:30 to 09:30 Asia/Kolkata: 3 events",
        "Mon 05 Jan 09:30 to 13:30 Asia/Kolkata: 6 events",
    ]
    mine = get_page(stocked, "/activity", user_id=7)
    assert mine.texts(".columns title") == ["Mon 05 Jan 09:30 to 13:30 Asia/Kolkata: 1 events"]


def test_an_event_is_recorded_by_the_form(stocked: TestClient) -> None:
    answer = post_form(
        stocked,
        "/activity",
        user_id="-9",
        action="viewed",
        happened="2024-03-31T08:30:15",
        zone="Europe/Berlin",
        details='{"page": 1}',
    )
    assert (answer.status_code, answer.headers["location"]) == (303, "/activity?user_id=-9")
    page = get_page(stocked, "/activity", user_id=-9)
    assert page.text(ROWS).endswith('Sun 31 Mar 2024, 06:30 -9 viewed {"page": 1}')


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"user_id": "x"}, "user_id: not a whole number"),
        ({"user_id": str(2**63)}, "user_id: Input should be less than"),
        ({"action": "moved"}, "action: Input should be 'created'"),
        ({"happened": "yesterday"}, "happened: not a local time"),
        ({"happened": "2999-01-01T00:00"}, "happened: must not be more than 5 minutes ahead"),
        ({"details": "{"}, "details: not JSON"),
        ({"details": "[1]"}, "details: Input should be a valid dictionary"),
        ({"details": '{"a": NaN}'}, "metadata → a: JSON has no NaN"),
        ({"details": r'{"a": "\u0000"}'}, "metadata → a: text must not contain NUL"),
    ],
)
def test_a_bad_event_is_refused_with_its_field(
    empty: TestClient, fields: dict[str, str], message: str
) -> None:
    answer = post_form(empty, "/activity", **({"user_id": "6", "action": "viewed"} | fields))
    assert parsed(answer, 422).text("main li").startswith(message)
    assert get_page(empty, "/activity").all(ROWS) == []


@pytest.mark.parametrize("params", [{"user_id": "x"}, {"cursor": "x"}, {"from": "x"}])
def test_bad_parameters_are_named(stocked: TestClient, params: dict[str, Any]) -> None:
    page = get_page(stocked, "/activity", 422, **params)
    assert page.text("main li").startswith(f"{next(iter(params))}: ")
