"""Activity: events, their counts per period, and the form that records one."""

from typing import Any

import pytest
from fastapi.testclient import TestClient

from tests.helpers.html import get_page, parsed, post_form

ROWS = "[aria-label=Events] tbody tr"


def test_without_events_it_says_how_to_record_one(empty: TestClient) -> None:
    page = get_page(empty, "/activity")
    assert page.text(".empty h2") == "No events"
    counts = page.text("section[aria-labelledby=counts-heading]")
    assert "counted at the end of each period" in counts


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
        metadata='{"page": 1}',
    )
    assert (answer.status_code, answer.headers["location"]) == (303, "/activity?user_id=-9")
    page = get_page(stocked, "/activity", user_id=-9)
    assert page.text(ROWS).endswith('Sun 31 Mar 2024, 06:30 -9 viewed {"page": 1}')


@pytest.mark.parametrize(
    ("field", "text", "message"),
    [
        ("user_id", "x", "Not a whole number."),
        ("user_id", "", "Not a whole number."),
        ("user_id", str(2**63), "Too large, below 9223372036854775808."),
        ("user_id", str(-(2**63) - 1), "Too small, at least -9223372036854775808."),
        ("action", "moved", "Choose 'created', 'updated', 'deleted' or 'viewed'."),
        ("happened", "yesterday", "Not a local time"),
        ("happened", "2999-01-01T00:00", "Must not be more than 5 minutes ahead."),
        ("metadata", "{", "Not JSON, such as"),
        ("metadata", "[1]", "Not a JSON object, such as"),
        ("metadata", '{"a": [NaN]}', "JSON has no NaN"),
        ("metadata", r'{"a": "\u0000"}', "Text must not contain NUL"),
    ],
)
def test_what_is_wrong_stands_beside_its_field_and_the_rest_is_kept(
    empty: TestClient, field: str, text: str, message: str
) -> None:
    sent = {
        "user_id": "6",
        "action": "viewed",
        "happened": "2024-03-31T08:30:15",
        "zone": "Asia/Kolkata",
        "metadata": '{"page": "<i>"}',
    } | {field: text}
    page = parsed(post_form(empty, "/activity", **sent), 422)
    assert page.text(f"#new-{field}-wrong").startswith(message)
    wrong = page.one("[aria-invalid=true]")
    assert (wrong.attributes["name"], wrong.attributes["id"]) == (field, f"new-{field}")
    assert wrong.attributes["aria-describedby"] == f"new-{field}-wrong"
    for name in ("user_id", "happened", "metadata"):
        assert (page.attribute(f"#new-{name}", "value") or "") == sent[name]
    if field != "action":
        assert page.text("#new-action [selected]") == "viewed"
    assert "(Asia/Kolkata)" in page.text("label[for=new-happened]")
    assert get_page(empty, "/activity").all(ROWS) == []


@pytest.mark.parametrize(
    ("field", "text", "message"),
    [
        ("user_id", "x", "Not a whole number."),
        ("from", "x", "Not a local time"),
        ("to", "1999-12-31T23:59", "Not a local time since 2000"),
    ],
)
def test_what_is_wrong_with_a_filter_stands_beside_it(
    stocked: TestClient, field: str, text: str, message: str
) -> None:
    filters: dict[str, Any] = {"user_id": "6", "to": "2024-03-31T08:30", field: text}
    page = get_page(stocked, "/activity", 422, **filters)
    assert page.text(f"#{field}-wrong").startswith(message)
    for name, value in filters.items():
        assert page.attribute(f"#{name}", "value") == value
    assert page.all(ROWS) == page.all(".empty") == []


def test_a_bad_cursor_is_named(stocked: TestClient) -> None:
    assert get_page(stocked, "/activity", 422, cursor="x").text("main li").startswith("cursor: ")
