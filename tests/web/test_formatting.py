"""How pages write instants, durations and shares."""

import re
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.requests import Request

from openhours.times import HOUR, MINUTE, to_us
from openhours.web import formatting

AT = datetime(2023, 1, 25, 18, 13, 22, 479_220, tzinfo=UTC)


def test_instants_are_written_in_a_zone_that_is_named() -> None:
    html = formatting.when(AT, "America/Denver")
    assert html == (
        '<time datetime="2023-01-25T18:13:22.479220Z">Wed 25 Jan 2023, 11:13 America/Denver</time>'
    )
    assert formatting.when(to_us(AT), "America/Denver") == html
    assert "11:13</time>" in formatting.when(AT, "America/Denver", bare=True)
    assert formatting.when(None, "UTC") == "–"
    assert formatting.clock(AT, "Asia/Kolkata") == "23:43:22"


def test_a_stretch_of_time_names_the_day_of_its_end_where_that_is_another() -> None:
    def words(hours: float | None) -> str:
        end = None if hours is None else AT + timedelta(hours=hours)
        return re.sub("<[^>]+>", "", formatting.between(AT, end, "America/Denver"))

    assert words(2) == "Wed 25 Jan 2023, 11:13 to 13:13"
    assert words(13) == "Wed 25 Jan 2023, 11:13 to Thu 26 Jan 2023, 00:13"
    assert words(None) == "Wed 25 Jan 2023, 11:13 to now"
    assert '<time datetime="2023-01-25T20:13:22.479220Z">13:13</time>' in formatting.between(
        AT, AT + timedelta(hours=2), "America/Denver"
    )


def test_a_running_session_is_shown_like_a_stopwatch() -> None:
    assert formatting.stopwatch(0) == "00:00:00"
    assert formatting.stopwatch(3_723_999) == "01:02:03"
    assert formatting.stopwatch(360_000_000) == "100:00:00"


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (-3, "less than a minute ago"),
        (59, "less than a minute ago"),
        (60, "1 min ago"),
        (3 * 3600 + 3599, "3 h ago"),
        (86_400, "1 day ago"),
        (1500 * 86_400, "1,500 days ago"),
    ],
)
def test_how_long_ago_is_told_in_the_largest_unit(seconds: int, words: str) -> None:
    assert formatting.ago(timedelta(seconds=seconds)) == words


@pytest.mark.parametrize(
    ("us", "hours", "minutes"),
    [
        (0, "0 h", "0 min"),
        (1, "< 0.1 h", "< 0.1 min"),
        (3 * MINUTE, "0.1 h", "3 min"),
        (90 * MINUTE, "1.5 h", "90 min"),
        (1234 * HOUR, "1,234 h", "74,040 min"),
    ],
)
def test_time_is_never_rounded_to_nothing(us: int, hours: str, minutes: str) -> None:
    assert (formatting.hours(us), formatting.minutes(us)) == (hours, minutes)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (None, "–"),
        (0.44, "0.4 s"),
        (59.9, "59.9 s"),
        (0, "0 s"),
        (12.02, "12 s"),
        (60, "1 min"),
        (2400.9, "40 min"),
        (3599, "59 min 59 s"),
        (3602, "1 h"),
        (6242, "1 h 44 min"),
        (3_600_000, "1,000 h"),
    ],
)
def test_spans_are_written_as_people_say_them(seconds: float | None, text: str) -> None:
    assert formatting.span(seconds) == text


def test_messages_become_sentences() -> None:
    assert formatting.sentence("wrong username or password") == "Wrong username or password."
    assert formatting.sentence("Is it?") == "Is it?"
    assert formatting.sentence("") == ""


def test_shares_are_rounded_down() -> None:
    assert formatting.percent(1, 1) == "100 %"
    assert formatting.percent(99_999, 100_000) == "99.9 %"
    assert formatting.percent(1, 100_000) == "< 0.1 %"
    assert formatting.percent(0, 5) == "0 %"
    assert formatting.percent(0, 0) == "–"
    assert formatting.percent(0.125, 1) == "12.5 %"


@given(st.integers(0, 10**15), st.integers(1, 10**15))
def test_only_all_of_it_is_100_percent(part: int, whole: int) -> None:
    part = min(part, whole)
    assert (formatting.percent(part, whole) == "100 %") == (part == whole)
    assert (formatting.percent(part, whole) == "0 %") == (part == 0)


def test_counts_are_written_with_their_noun() -> None:
    assert formatting.many(1, "store") == "1 store"
    assert formatting.many(1234, "store") == "1,234 stores"
    assert formatting.many(2, "entry", "entries") == "2 entries"
    assert formatting.many(2, "<b>") == "2 &lt;b&gt;s"
    assert formatting.number(None) == "–"


def test_a_store_s_path_holds_any_id() -> None:
    assert formatting.store_url("chain/7 & more?#%") == "/stores/chain%2F7%20%26%20more%3F%23%25"


@pytest.mark.parametrize(
    ("cookie", "zone"),
    [("zone=Asia/Kolkata", "Asia/Kolkata"), ("zone=Mars", "UTC"), ("", "UTC")],
)
def test_the_visitor_s_zone_is_in_a_cookie(cookie: str, zone: str) -> None:
    request = Request({"type": "http", "headers": [(b"cookie", cookie.encode())]})
    assert formatting.zone_of(request) == zone


def test_an_interval_is_written_once_if_both_ends_are_the_same() -> None:
    assert formatting.percent_between(931, 974, 1000) == "93.1 to 97.4 %"
    assert formatting.percent_between(9_999, 10_000, 10_000) == "99.9 to 100 %"
    assert formatting.percent_between(1, 300, 10_000) == "< 0.1 to 3 %"
    assert formatting.percent_between(9_311, 9_319, 10_000) == "93.1 %"


def test_a_query_has_what_is_not_empty_and_of_lists_each() -> None:
    values = {"q": "", "label": ["a=b & c", "d=é"], "page": 2, "over": None}
    assert formatting.query_of(values) == "?label=a%3Db+%26+c&label=d%3D%C3%A9&page=2"
    assert formatting.query_of({}) == "?"
