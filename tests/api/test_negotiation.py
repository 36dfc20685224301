"""`Accept` and `Prefer` as clients write them."""

import pytest
from starlette.datastructures import Headers

from openhours.api.negotiation import (
    accepted,
    preferences,
    prefers_async,
    seconds_to_wait,
    wants_page,
)

FIREFOX = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"


def _headers(name: str, *lines: str) -> Headers:
    return Headers(raw=[(name.encode(), line.encode()) for line in lines])


@pytest.mark.parametrize(
    ("lines", "page"),
    [
        ([FIREFOX], True),
        (["application/json", "Text/HTML ; Level=1; Q=0.1"], True),
        (["text/html;q=0, */*"], False),
        (["text/html; q=0.000"], False),
        (["text/html;q=high"], True),
        (['application/json;note="a, text/html;q=1", */*'], False),
        (["text/htmlx", "text/*"], False),
        (["*/*"], False),
        (["application/json"], False),
        ([""], False),
        ([';,"'], False),
        ([], False),
    ],
)
def test_a_page_is_wanted_only_where_html_is_named(lines: list[str], page: bool) -> None:
    raw = [(b"accept", line.encode()) for line in lines]
    assert wants_page({"type": "http", "headers": raw}) is page


def test_media_ranges_have_their_weights() -> None:
    assert accepted(_headers("accept", FIREFOX))["application/xml"] == 0.9
    assert accepted(_headers("accept", "a/b;q=0.1, A/B;v=2")) == {"a/b": 1.0}
    assert accepted(Headers()) == {"*/*": 1.0}


@pytest.mark.parametrize(
    ("lines", "asynchronous"),
    [
        (["respond-async"], True),
        (["Respond-Async"], True),
        (["wait=10, respond-async"], True),
        (["wait=10", "return=minimal,  respond-async ; foo=bar"], True),
        (['respond-async=""'], True),
        (["respond-async=no"], False),
        (['note="respond-async"'], False),
        (['note="x, respond-async"'], False),
        (['note="\\", respond-async"'], False),
        (["respond-asynchronously"], False),
        (["foo; respond-async"], False),
        (["wait=10"], False),
        ([";,=", ""], False),
        ([], False),
    ],
)
def test_respond_async_is_found_where_it_is_a_preference(
    lines: list[str], asynchronous: bool
) -> None:
    assert prefers_async(_headers("prefer", *lines)) is asynchronous


def test_of_a_repeated_preference_the_first_counts() -> None:
    lines = ['Wait = "1\\0" ; x=y', "wait=20, foo"]
    assert preferences(_headers("prefer", *lines)) == {"wait": "10", "foo": ""}


@pytest.mark.parametrize(
    ("prefer", "seconds"),
    [("wait=7", 7), ("wait=60", 60), ("wait=61", 60), ("wait=" + "9" * 5000, 60), ("wait=x", 0)],
)
def test_a_client_waits_as_long_as_it_says_up_to_a_bound(prefer: str, seconds: int) -> None:
    assert seconds_to_wait(Headers({"prefer": prefer}), 60) == seconds
