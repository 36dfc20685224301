"""docs/spec.md, part 2, sentence by sentence. 2024-01-01 is a Monday."""

from collections.abc import Sequence

import numpy as np
import pytest
import pytz

from openhours.uptime.hours import row_intervals
from tests.uptime import columns, reference
from tests.uptime.columns import MINUTE, Store, clock, daily, utc
from tests.uptime.reference import DAY, HOUR, Interval, Row

MONDAY, TUESDAY, WEDNESDAY = range(3)


def row(day: int, opens: str, closes: str) -> Row:
    return day, clock(opens), clock(closes)


def opened(rows: Sequence[Row], start: str, end: str, zone: str = "UTC") -> list[Interval]:
    return columns.pairs(columns.open_intervals([Store(rows, zone)], utc(start), utc(end)))


def span(start: str, end: str) -> Interval:
    return utc(start), utc(end)


def test_a_row_opens_on_its_weekday_in_local_time() -> None:
    rows = [row(MONDAY, "09:00", "17:30")]
    assert opened(rows, "2024-01-01 00:00", "2024-01-14 00:00", "America/Chicago") == [
        span("2024-01-01 15:00", "2024-01-01 23:30"),
        span("2024-01-08 15:00", "2024-01-08 23:30"),
    ]


def test_overlapping_and_touching_rows_merge_in_any_order() -> None:
    rows = [
        row(MONDAY, "13:00", "15:00"),
        row(MONDAY, "09:00", "12:00"),
        row(MONDAY, "12:00", "13:00"),
        row(MONDAY, "10:00", "11:00"),
    ]
    assert opened(rows, "2024-01-01 00:00", "2024-01-02 00:00") == [
        span("2024-01-01 09:00", "2024-01-01 15:00")
    ]


def test_rows_that_do_not_touch_stay_apart() -> None:
    rows = [row(MONDAY, "09:00", "12:00"), (MONDAY, clock("12:00") + 1, clock("13:00"))]
    assert len(opened(rows, "2024-01-01 00:00", "2024-01-02 00:00")) == 2


@pytest.mark.parametrize("midnight", ["23:59", "23:59:00", "23:59:59", "24:00", "00:00"])
def test_midnight_as_the_files_write_it(midnight: str) -> None:
    rows = [row(MONDAY, "18:00", midnight), row(TUESDAY, "00:00", "03:00")]
    assert opened(rows, "2024-01-01 00:00", "2024-01-03 00:00") == [
        span("2024-01-01 18:00", "2024-01-02 03:00")
    ]


def test_just_before_23_59_is_not_midnight() -> None:
    rows = [(MONDAY, clock("18:00"), clock("23:59") - 1)]
    assert opened(rows, "2024-01-01 00:00", "2024-01-03 00:00") == [
        (utc("2024-01-01 18:00"), utc("2024-01-01 23:59") - 1)
    ]


def test_an_opening_at_23_59_stays() -> None:
    rows = [row(MONDAY, "23:59", "23:59")]
    assert opened(rows, "2024-01-01 00:00", "2024-01-03 00:00") == [
        span("2024-01-01 23:59", "2024-01-02 00:00")
    ]


def test_an_end_before_the_start_is_on_the_next_day() -> None:
    rows = [row(MONDAY, "22:00", "02:00")]
    assert opened(rows, "2024-01-01 00:00", "2024-01-03 00:00") == [
        span("2024-01-01 22:00", "2024-01-02 02:00")
    ]


def test_an_end_equal_to_the_start_is_24_hours() -> None:
    rows = [row(MONDAY, "09:00", "09:00"), row(WEDNESDAY, "00:00", "00:00")]
    assert opened(rows, "2024-01-01 00:00", "2024-01-07 00:00") == [
        span("2024-01-01 09:00", "2024-01-02 09:00"),
        span("2024-01-03 00:00", "2024-01-04 00:00"),
    ]


def test_a_store_without_rows_is_always_open() -> None:
    [(start, end)] = opened([], "2024-01-01 00:00", "2024-01-14 00:00")
    assert start < utc("2024-01-01 00:00")
    assert end > utc("2024-01-14 00:00")


def test_a_store_with_rows_for_some_days_is_closed_on_the_others() -> None:
    rows = [row(MONDAY, "00:00", "24:00")]
    assert opened(rows, "2024-01-02 00:01", "2024-01-07 23:59") == []


def test_a_day_of_the_spring_change_is_23_hours_long() -> None:
    [*_, (start, end)] = opened(
        [row(6, "00:00", "24:00")], "2023-03-12 12:00", "2023-03-13 12:00", "America/Chicago"
    )
    assert end - start == 23 * HOUR


def test_hours_within_the_gap_are_dropped() -> None:
    rows = [row(6, "02:10", "02:50")]
    assert opened(rows, "2023-03-12 00:00", "2023-03-13 00:00", "America/Chicago") == []


def test_hours_that_begin_in_the_gap_begin_after_it() -> None:
    rows = [row(6, "02:30", "04:00")]
    assert opened(rows, "2023-03-12 00:00", "2023-03-13 00:00", "America/Chicago") == [
        span("2023-03-12 08:00", "2023-03-12 09:00")
    ]


def test_of_a_time_that_happens_twice_the_first_counts() -> None:
    rows = [row(6, "01:30", "02:00")]  # 02:00 happens once, an hour and a half later
    assert opened(rows, "2023-11-05 00:00", "2023-11-06 00:00", "America/Chicago") == [
        span("2023-11-05 06:30", "2023-11-05 08:00")
    ]


def test_a_day_that_was_skipped_has_no_hours() -> None:
    rows = daily("09:00", "17:00")  # Apia went from Thursday 29 to Saturday 31 December 2011
    assert opened(rows, "2011-12-29 12:00", "2012-01-01 00:00", "Pacific/Apia") == [
        span("2011-12-29 19:00", "2011-12-30 03:00"),
        span("2011-12-30 19:00", "2011-12-31 03:00"),
        span("2011-12-31 19:00", "2012-01-01 03:00"),
    ]


def test_hours_across_a_skipped_day_are_one_interval() -> None:
    rows = daily("00:00", "24:00")
    [(start, end)] = opened(rows, "2011-12-28 00:00", "2012-01-02 00:00", "Pacific/Apia")
    assert start <= utc("2011-12-28 00:00")
    assert end >= utc("2012-01-02 00:00")


def test_intervals_are_not_cut() -> None:
    rows = daily("09:00", "17:00")
    assert opened(rows, "2024-01-03 12:00", "2024-01-03 13:00") == [
        span("2024-01-03 09:00", "2024-01-03 17:00")
    ]


def test_an_interval_that_begins_at_the_end_is_there_for_the_poll_there() -> None:
    rows = daily("09:00", "17:00")
    assert len(opened(rows, "2024-01-03 17:00", "2024-01-04 09:00")) == 1
    assert opened(rows, "2024-01-03 17:00", "2024-01-04 08:59") == []


def test_stores_keep_their_own_hours_and_zones() -> None:
    stores = [
        Store(daily("09:00", "10:00"), "Asia/Tokyo"),
        Store([], "Europe/Paris"),
        Store(daily("09:00", "10:00"), "Asia/Kathmandu"),
        Store(daily("09:00", "10:00"), "Asia/Tokyo"),
    ]
    found = columns.open_intervals(stores, utc("2024-01-03 00:00"), utc("2024-01-03 12:00"))
    assert found.store.tolist() == [0, 1, 2, 3]
    assert columns.pairs(found, 0) == columns.pairs(found, 3)
    assert columns.pairs(found, 2)[0][0] - columns.pairs(found, 0)[0][0] == 195 * MINUTE


@pytest.mark.parametrize("zone", ["Etc/GMT+12", "Pacific/Kiritimati", "Europe/Dublin"])
@pytest.mark.parametrize("days", [0, 3, 4, 5])
def test_the_longest_hours_at_the_edges_of_the_world_are_found(zone: str, days: int) -> None:
    sunday = utc("2023-12-31 00:00")
    for rows in ([row(MONDAY, "23:50", "23:45")], [row(MONDAY, "00:00", "00:15")]):
        for end in range(sunday, sunday + 4 * DAY, HOUR // 2):
            store = Store(rows, zone)
            found = columns.open_intervals([store], end - days * DAY, end)
            expected = reference.open_intervals(store.hours, zone, end - days * DAY, end)
            assert columns.pairs(found) == expected


def test_a_year_of_history_is_no_problem() -> None:
    found = opened(daily("09:00", "17:00"), "2023-01-01 00:00", "2023-12-31 23:59")
    assert len(found) == 365
    assert {end - start for start, end in found} == {8 * HOUR}
    assert np.diff([start for start, _ in found]).tolist() == [DAY] * 364


def test_no_stores_at_all() -> None:
    assert (
        len(columns.open_intervals([], utc("2024-01-01 00:00"), utc("2024-01-02 00:00")).start) == 0
    )


def test_an_unknown_zone_is_an_error() -> None:
    with pytest.raises(pytz.UnknownTimeZoneError):
        opened(daily("09:00", "10:00"), "2024-01-01 00:00", "2024-01-02 00:00", "Mars/Olympus_Mons")


def test_each_row_has_its_own_intervals_also_where_rows_overlap() -> None:
    rows = [row(MONDAY, "09:00", "12:00"), row(MONDAY, "10:00", "15:00")]
    store = [Store(rows, "America/Chicago")]
    found = row_intervals(
        columns.week_hours(store),
        columns.special_hours(store),
        columns.column([0]),
        ["America/Chicago"],
        utc("2024-01-01 00:00"),
        utc("2024-01-02 00:00"),
    )
    of_monday = (found.start >= utc("2024-01-01 00:00")) & (found.start < utc("2024-01-02 00:00"))
    spans = {
        (int(found.row[n]), (int(found.start[n]), int(found.end[n])))
        for n in np.flatnonzero(of_monday)
    }
    assert spans == {
        (0, span("2024-01-01 15:00", "2024-01-01 18:00")),
        (1, span("2024-01-01 16:00", "2024-01-01 21:00")),
    }
