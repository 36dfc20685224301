"""Timestamps and times of day: which forms are accepted, and that the fast way takes no others."""

from datetime import UTC, datetime, timedelta

import pyarrow as pa
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from openhours.ingestion.csv.timestamps import parse_timestamp, parse_timestamps
from openhours.times import DAY, parse_time_of_day

NOON = datetime(2023, 1, 22, 12, 9, 39, tzinfo=UTC)


def micros(instant: datetime) -> int:
    return (instant - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)


@pytest.mark.parametrize(
    ("text", "instant"),
    [
        ("2023-01-22 12:09:39.388884 UTC", NOON.replace(microsecond=388_884)),
        ("2023-01-22 12:09:39 UTC", NOON),
        ("2023-01-22T12:09:39Z", NOON),
        ("2023-01-22 12:09:39Z", NOON),
        ("2023-01-22T12:09:39.5Z", NOON.replace(microsecond=500_000)),
        ("2023-01-22T12:09:39", NOON),
        ("2023-01-22 12:09:39.0001", NOON.replace(microsecond=100)),
        ("2023-01-22T17:39:39+05:30", NOON),
        ("2023-01-22T17:39:39+0530", NOON),
        ("2023-01-22T17:09:39+05", NOON),
        ("2023-01-21T23:09:39.25-13:00", NOON.replace(microsecond=250_000)),
        ("2024-02-29 00:00:00 UTC", datetime(2024, 2, 29, tzinfo=UTC)),
        ("  2023-01-22 12:09:39 UTC\t", NOON),
    ],
)
def test_an_accepted_timestamp(text: str, instant: datetime) -> None:
    assert parse_timestamp(text.encode()) == micros(instant)
    at, known = parse_timestamps(pa.array([text.encode()]))
    assert known.tolist() == [True]
    assert at.tolist() == [micros(instant)]


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "2023-01-22",
        "2023-01-22 12:09",
        "2023-01-22 12:09 UTC",
        "2023-01-22T12:09+05:30",
        "2023-01-22 12:09:39.",
        "2023-01-22 12:09:39.1234567",
        "2023-01-22 12:09:39,5",
        "2023-01-22t12:09:39Z",
        "2023-01-22T12:09:39z",
        "2023-01-22 12:09:39 utc",
        "2023-01-22 12:09:39  UTC",
        "2023-01-22 12:09:39UTC",
        "2023-01-22 12:09:39 GMT",
        "2023-01-22 12:09:39 +05:30",
        "2023-01-22 12:09:39+24:00",
        "2023-01-22 12:09:39+05:60",
        "2023-01-22 12:09:39+5",
        "2023-01-22 12:09:39+05:30 UTC",
        "2023/01/22 12:09:39",
        "2023-01-22_12:09:39",
        "2023-01-22T24:00:00",
        "2023-01-22T23:59:60",
        "2023-01-22T23:60:00",
        "2023-02-29T00:00:00",
        "2023-13-01T00:00:00",
        "2023-00-01T00:00:00",
        "2023-01-32T00:00:00",
        "2100-02-29T00:00:00",
        "1999-12-31T23:59:59.999999",
        "2000-01-01T00:00:00+00:01",
        "+2023-01-22T12:09:39",
        "20230122T120939",
        "1674389379",
        "２０２３-01-22 12:09:39",
        "yesterday",
    ],
)
def test_no_timestamp(text: str) -> None:
    assert parse_timestamp(text.encode()) is None
    # A good neighbour must neither save it nor suffer.
    column = pa.array([text.encode(), b"2023-01-22 12:09:39 UTC"])
    at, known = parse_timestamps(column)
    assert known.tolist() == [False, True]
    assert at[1] == micros(NOON)


TWO_DIGITS = st.integers(0, 99).map("{:02}".format)
NEARLY = st.builds(
    "".join,
    st.tuples(
        st.sampled_from(["", "", "", " ", "+"]),
        st.one_of(st.integers(0, 9999).map("{:04}".format), st.just("2024"), st.just("2100")),
        st.sampled_from(["-01", "-02", "-02", "-04", "-12", "-00", "-13"]),
        st.one_of(st.integers(0, 32).map("-{:02}".format), st.just("-29")),
        st.sampled_from(["T", " ", " ", "t", "_", ""]),
        st.sampled_from(["00", "12", "23", "24", "1"]),
        st.one_of(TWO_DIGITS.map(":{}".format), st.just(":59"), st.just("")),
        st.sampled_from([":00", ":59", ":60", "", ":5"]),
        st.sampled_from(["", "", ".", ",5"]) | st.integers(0, 10**8).map(".{}".format),
        st.sampled_from(["", " UTC", " UTC", "Z", "z", " ", "C", "UTC", "+", "-", "é"])
        | st.builds("{}{}{}{}".format, st.sampled_from("+-"), TWO_DIGITS, st.just(":"), TWO_DIGITS)
        | st.builds("{}{}{}".format, st.sampled_from("+-"), TWO_DIGITS, TWO_DIGITS | st.just("")),
        st.sampled_from(["", "", "", " "]),
    ),
)
GOOD = st.builds(
    lambda at, separator, timespec, suffix: at.isoformat(separator, timespec) + suffix,
    st.datetimes(),
    st.sampled_from(["T", " "]),
    st.sampled_from(["seconds", "milliseconds", "microseconds"]),
    st.sampled_from(["", "Z", " UTC", "+05:30", "-0930", "+14"]),
)


@pytest.mark.slow
@given(st.lists(st.one_of(NEARLY, GOOD, GOOD, st.text(max_size=12)), max_size=20))
@settings(max_examples=150, deadline=None)
@example(["2023-01-22 12:09:39"] * 3 + ["0000-01-01 00:00:00", "2100-02-29 00:00:00"])
@example([""])
def test_the_fast_way_takes_exactly_what_the_strict_parser_takes(texts: list[str]) -> None:
    values = [text.encode() for text in texts]
    # An array cut out of a longer one has its own idea of where its values lie.
    column = pa.array([b"?", *values, b"?"], pa.binary()).slice(1, len(values))
    at, known = parse_timestamps(column)
    found = [
        instant if good else None for instant, good in zip(at.tolist(), known.tolist(), strict=True)
    ]
    assert found == [parse_timestamp(value) for value in values]


@pytest.mark.parametrize(
    ("text", "micros"),
    [
        ("00:00", 0),
        ("9:05", 32_700_000_000),
        ("09:05", 32_700_000_000),
        ("9:05:07", 32_707_000_000),
        ("23:59:59", 86_399_000_000),
        ("23:59:59.999999", 86_399_999_999),
        ("10:00:00.5", 36_000_500_000),
        ("24:00", DAY),
        ("24:00:00", DAY),
        (" 10:00 ", 36_000_000_000),
    ],
)
def test_an_accepted_time_of_day(text: str, micros: int) -> None:
    assert parse_time_of_day(text) == micros


@pytest.mark.parametrize(
    "text",
    [
        "",
        "9",
        "9:5",
        "009:00",
        "10:00:0",
        "10:60",
        "10:00:60",
        "24:00:00.1",
        "24:01",
        "25:00",
        "10:00:00.",
        "10:00:00.1234567",
        "10:00AM",
        "-1:00",
        "10.00",
        "10:00Z",
        "noon",
    ],
)
def test_no_time_of_day(text: str) -> None:
    assert parse_time_of_day(text) is None
