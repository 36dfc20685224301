"""Local times of forms, in the zone that the page names."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.requests import Request

from openhours.errors import FieldProblem, Invalid
from openhours.times import SECOND, from_us
from openhours.web.local_time import from_input, named_zone, to_input, to_minute_input

AT = datetime(2024, 3, 31, 6, 30, 15, tzinfo=UTC)


def test_a_time_is_read_and_written_in_its_zone() -> None:
    assert from_input("from", "2024-03-31T08:30:15", "Europe/Berlin") == AT
    assert to_input(AT, "Europe/Berlin") == "2024-03-31T08:30:15"
    assert to_minute_input(AT, "Europe/Berlin") == "2024-03-31T08:30"
    assert from_input("from", "", "UTC") is None
    assert to_input(None, "UTC") == to_minute_input(None, "UTC") == ""


def test_skipped_and_repeated_times_have_one_meaning() -> None:
    skipped = from_input("from", "2024-03-31T02:30", "Europe/Berlin")
    assert skipped == datetime(2024, 3, 31, 1, 0, tzinfo=UTC)
    repeated = from_input("from", "2024-10-27T02:30", "Europe/Berlin")
    assert repeated == datetime(2024, 10, 27, 0, 30, tzinfo=UTC)


@given(
    st.integers(946_800_000, 2_145_000_000).map(lambda seconds: from_us(seconds * SECOND)),
    st.sampled_from(["UTC", "Asia/Kolkata", "Asia/Tokyo"]),
)
def test_where_clocks_do_not_change_reading_undoes_writing(at: datetime, zone: str) -> None:
    assert from_input("from", to_input(at, zone), zone) == at


@pytest.mark.parametrize(
    "text",
    ["x", "2024-03-31T08:30Z", "2024-03-31T08:30+01:00", "1999-12-31T23:59", "9999-01-01T00:00"],
)
def test_what_is_no_local_time_is_refused_with_its_field(text: str) -> None:
    with pytest.raises(Invalid) as refused:
        from_input("happened", text, "UTC", "body")
    (problem,) = refused.value.problems
    assert problem == FieldProblem(("body", "happened"), problem.message)
    assert text in problem.message


def test_a_form_s_zone_counts_before_the_visitor_s() -> None:
    request = Request({"type": "http", "headers": [(b"cookie", b"zone=Asia/Kolkata")]})
    assert named_zone(request, "Europe/Berlin") == "Europe/Berlin"
    assert named_zone(request, "Mars") == named_zone(request, "") == "Asia/Kolkata"
