"""docs/spec.md, part 3b: the windows that a report may be asked for."""

from datetime import UTC, date, datetime

import pytest

from openhours.errors import Invalid
from openhours.reports.windows import earliest, is_calendar, parse_windows
from openhours.times import DAY, HOUR, MINUTE, to_us
from openhours.uptime.windows import DEFAULT_WINDOWS, Window

# A Wednesday; in Chicago it is still Tuesday.
AS_OF = to_us(datetime(2022, 10, 5, 3, tzinfo=UTC))
CHICAGO = "America/Chicago"


def parsed(*texts: str, zone: str = "UTC") -> list[Window]:
    return parse_windows(texts, AS_OF, zone)


def dates(name: str, first: str, beyond: str) -> Window:
    start, end = ((date.fromisoformat(day) - date(1970, 1, 1)).days for day in (first, beyond))
    return Window(name, "dates", start, end)


def refused(*texts: str) -> str:
    with pytest.raises(Invalid) as error:
        parsed(*texts)
    return str(error.value)


def test_the_defaults_have_their_names() -> None:
    assert parsed("last_hour", "last_day", "last_week") == list(DEFAULT_WINDOWS)


@pytest.mark.parametrize(
    ("text", "length"),
    [
        ("P30D", 30 * DAY),
        ("PT6H", 6 * HOUR),
        ("P1W", 7 * DAY),
        ("P1DT12H", 36 * HOUR),
        ("PT90M", 90 * MINUTE),
    ],
)
def test_durations_are_elapsed_time(text: str, length: int) -> None:
    assert parsed(text) == [Window(text, "elapsed", -length, 0)]


@pytest.mark.parametrize("text", ["P", "PT", "P0D", "P1M", "P1Y", "PT1D", "P-1D", "P1.5D", "P１D"])
def test_what_is_no_duration_is_refused(text: str) -> None:
    assert "not a duration" in refused(text)


@pytest.mark.parametrize(
    ("text", "first", "beyond"),
    [
        ("2022-10-03", "2022-10-03", "2022-10-04"),
        ("2022-W39", "2022-09-26", "2022-10-03"),
        ("2020-W53", "2020-12-28", "2021-01-04"),
        ("2022-02", "2022-02-01", "2022-03-01"),
        ("2020-02", "2020-02-01", "2020-03-01"),
        ("2021-12", "2021-12-01", "2022-01-01"),
        ("2021", "2021-01-01", "2022-01-01"),
        ("today", "2022-10-05", "2022-10-06"),
        ("yesterday", "2022-10-04", "2022-10-05"),
        ("this_week", "2022-10-03", "2022-10-10"),
        ("previous_week", "2022-09-26", "2022-10-03"),
        ("this_month", "2022-10-01", "2022-11-01"),
        ("previous_month", "2022-09-01", "2022-10-01"),
    ],
)
def test_calendar_periods_are_local_dates(text: str, first: str, beyond: str) -> None:
    assert parsed(text) == [dates(text, first, beyond)]
    assert is_calendar(text)


def test_today_is_the_date_of_t_in_the_calendar_s_zone() -> None:
    assert parsed("today", zone=CHICAGO) == [dates("today", "2022-10-04", "2022-10-05")]


@pytest.mark.parametrize(
    "text",
    ["2022-13", "2022-02-30", "2021-W53", "0000", "last_month", "", "days", "２０２２", "2022-1"],
)
def test_what_is_no_window_is_refused_by_its_name(text: str) -> None:
    assert repr(text) in refused(text)


def test_from_one_instant_to_another() -> None:
    text = "2022-10-01T00:00:00Z/2022-10-02T02:00:00+02:00"
    start = to_us(datetime(2022, 10, 1, tzinfo=UTC))
    assert parsed(text) == [Window(text, "instants", start, start + DAY)]
    assert not is_calendar(text)


def test_the_first_instant_is_before_the_second() -> None:
    assert "before the second" in refused("2022-10-02T00:00:00Z/2022-10-02T00:00:00Z")
    assert "needs its zone" in refused("2022-10-01T00:00:00/2022-10-02T00:00:00Z")


def test_a_series_is_a_window_for_each() -> None:
    days = parsed("days:previous_month")
    assert [window.name for window in days] == [f"2022-09-{n:02d}" for n in range(1, 31)]
    assert parsed("months:2021")[-1] == dates("2021-12", "2021-12-01", "2022-01-01")
    weeks = parsed("weeks:2021")
    assert (weeks[0].name, weeks[-1].name, len(weeks)) == ("2021-W01", "2021-W52", 52)


def test_a_week_of_a_series_begins_in_its_period() -> None:
    assert [window.name for window in parsed("weeks:2022-09")] == [
        "2022-W36",
        "2022-W37",
        "2022-W38",
        "2022-W39",
    ]


def test_a_series_leaves_out_what_has_not_begun_anywhere() -> None:
    """It is 17:00 of the 5th where clocks are furthest ahead."""
    assert [window.name for window in parsed("days:this_week")] == [
        "2022-10-03",
        "2022-10-04",
        "2022-10-05",
    ]
    assert "none of the windows has begun" in refused("days:2023")


def test_any_other_window_that_has_not_begun_is_refused() -> None:
    assert parsed("2022-10-05")
    assert "'2022-10-06': begins after the as-of instant" in refused("2022-10-06")
    assert "begins after" in refused("2022-11")


def test_nothing_begins_before_2000() -> None:
    assert "before the year 2000" in refused("1999")
    assert "before the year 2000" in refused("P9000D")


def test_a_name_is_there_once() -> None:
    assert "'2022-09-01' is there twice" in refused("2022-09-01", "days:2022-09")
    assert "'P1D' is there twice" in refused("P1D", "P1D")


def test_there_are_at_most_400_after_expansion() -> None:
    assert len(parsed("days:2021", "months:2021", "months:2020", "2019", "2018-01")) == 391
    assert "more than 400 windows" in refused("days:2021", "days:2020")


def test_the_first_to_begin_decides_how_far_to_look_back() -> None:
    windows = parsed("P1D", "2022-10-01")
    assert earliest(windows, AS_OF) == to_us(datetime(2022, 9, 30, 10, tzinfo=UTC))
