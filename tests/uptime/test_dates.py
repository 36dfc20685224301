"""docs/spec.md, part 2b: hours that change, and special dates. 2024-01-01 is a Monday."""

from datetime import date

from tests.uptime import columns
from tests.uptime.columns import Store, clock, daily, utc
from tests.uptime.reference import Interval
from tests.uptime.test_hours import MONDAY, TUESDAY, row, span

TUESDAY_2ND = date(2024, 1, 2)


def opened_by(
    store: Store, start: str = "2024-01-01 00:00", end: str = "2024-01-04 00:00"
) -> list[Interval]:
    return columns.pairs(columns.open_intervals([store], utc(start), utc(end)))


def test_a_version_of_the_hours_is_valid_from_its_date_until_the_next_begins() -> None:
    store = Store(
        daily("09:00", "10:00"),
        versions={
            TUESDAY_2ND: [row(TUESDAY, "11:00", "12:00")],
            date(2024, 1, 3): daily("13:00", "14:00"),
        },
    )
    assert opened_by(store) == [
        span("2024-01-01 09:00", "2024-01-01 10:00"),
        span("2024-01-02 11:00", "2024-01-02 12:00"),
        span("2024-01-03 13:00", "2024-01-03 14:00"),
    ]


def test_a_version_holds_for_all_seven_weekdays() -> None:
    store = Store(daily("09:00", "10:00"), versions={TUESDAY_2ND: [row(TUESDAY, "11:00", "12:00")]})
    assert opened_by(store, "2024-01-03 00:00", "2024-01-08 00:00") == []


def test_before_the_first_version_its_hours_hold() -> None:
    store = Store(versions={date(2024, 1, 3): daily("09:00", "10:00")})
    assert opened_by(store, end="2024-01-02 00:00") == [
        span("2024-01-01 09:00", "2024-01-01 10:00")
    ]


def test_an_interval_belongs_to_the_date_on_which_it_begins() -> None:
    store = Store(daily("20:00", "02:00"), versions={TUESDAY_2ND: [(TUESDAY, None, None)]})
    assert opened_by(store, "2024-01-01 12:00") == [span("2024-01-01 20:00", "2024-01-02 02:00")]


def test_a_row_without_times_closes_its_day() -> None:
    store = Store([(MONDAY, None, None)])
    assert opened_by(store) == [], "nor is the store always open"


def test_a_row_without_times_beside_others_says_nothing() -> None:
    store = Store([(MONDAY, None, None), row(MONDAY, "09:00", "10:00")])
    assert opened_by(store) == [span("2024-01-01 09:00", "2024-01-01 10:00")]


def test_special_hours_replace_what_would_begin_on_their_date() -> None:
    store = Store(
        daily("20:00", "02:00"), special={TUESDAY_2ND: [(clock("18:00"), clock("19:00"))]}
    )
    assert opened_by(store, "2024-01-01 12:00", "2024-01-03 12:00") == [
        span("2024-01-01 20:00", "2024-01-02 02:00"),
        span("2024-01-02 18:00", "2024-01-02 19:00"),
    ]


def test_a_special_date_may_be_closed() -> None:
    store = Store(daily("09:00", "10:00"), special={TUESDAY_2ND: [(None, None)]})
    assert opened_by(store) == [
        span("2024-01-01 09:00", "2024-01-01 10:00"),
        span("2024-01-03 09:00", "2024-01-03 10:00"),
    ]


def test_a_store_without_rows_is_open_all_day_around_its_special_dates() -> None:
    store = Store(special={TUESDAY_2ND: [(clock("12:00"), clock("13:00"))]}, zone="Asia/Kolkata")
    (before, special, after) = opened_by(store)
    assert before[1] == utc("2024-01-01 18:30")
    assert special == span("2024-01-02 06:30", "2024-01-02 07:30")
    assert after[0] == utc("2024-01-02 18:30")


def test_special_hours_of_every_store_spare_those_with_their_own() -> None:
    every = {TUESDAY_2ND: [(None, None)]}
    stores = [
        Store(daily("09:00", "10:00"), every=every),
        Store(daily("09:00", "10:00"), special={TUESDAY_2ND: [(clock("11:00"), clock("12:00"))]}),
    ]
    found = columns.open_intervals(stores, utc("2024-01-02 00:00"), utc("2024-01-03 00:00"))
    assert columns.pairs(found, 0) == []
    assert columns.pairs(found, 1) == [span("2024-01-02 11:00", "2024-01-02 12:00")]
