"""The last week of all stores together, as a chart."""

from datetime import UTC, datetime

import pytest

from openhours.reports.tables import Report
from openhours.times import HOUR
from openhours.web.strip import strip_of

AT = datetime(2023, 1, 23, 4, tzinfo=UTC)


def test_a_strip_has_a_column_per_hour_without_a_share_where_nothing_was_open() -> None:
    by_hour = {"polled": [[HOUR, 0, HOUR, HOUR], [HOUR, 0, HOUR // 2, 0]]}
    report = Report(as_of_polled=AT, as_of_beating=AT, by_hour=by_hour)
    strip = strip_of(report, "Asia/Kolkata")
    assert strip is not None
    assert [hour.x for hour in strip.hours] == [0, 250, 500, 750]
    assert [hour.down for hour in strip.hours] == [0, None, 0.5, 1]
    assert strip.hours[2].text == "Mon 23 Jan, 07:30 Asia/Kolkata, an hour: 50 % of open time down"
    assert strip.hours[1].text.endswith("an hour: nothing open")
    assert strip.heading == "Downtime by hour, 23 Jan 2023"
    assert strip.summary == "50 % of open time down in the week, at most 100 % in an hour"


@pytest.mark.parametrize(
    ("down", "top"), [(0, 1), (0.004, 1), (0.011, 2), (0.02, 2), (0.126, 20), (0.51, 100), (1, 100)]
)
def test_downtime_has_a_scale_of_its_own(down: float, top: int) -> None:
    by_hour = {"polled": [[HOUR, HOUR], [HOUR, round(HOUR * (1 - down))]]}
    strip = strip_of(Report(as_of_polled=AT, as_of_beating=AT, by_hour=by_hour), "UTC")
    assert strip is not None
    assert strip.top == top


def test_a_strip_has_a_tick_at_each_local_midnight() -> None:
    by_hour = {"polled": [[HOUR] * 168, [HOUR] * 168]}
    report = Report(as_of_polled=AT, as_of_beating=AT, by_hour=by_hour)
    strip = strip_of(report, "America/Denver")  # 21:00 on Sunday
    assert strip is not None
    assert strip.heading == "Downtime by hour, 15–22 Jan 2023"
    labels = [day.label for day in strip.days]
    assert labels == ["Mon 16", "Tue 17", "Wed 18", "Thu 19", "Fri 20", "Sat 21", "Sun 22"]
    assert strip.days[0].x == round(3 / 168 * 1000, 2)
    late = strip_of(report, "Asia/Kolkata")  # 09:30 on Monday
    assert late is not None
    assert (late.days[-1].x, late.days[-1].label) == (round(158.5 / 168 * 1000, 2), "")


def test_a_strip_is_of_pcs_where_no_store_is_polled() -> None:
    beating = {"beating": [[HOUR], [HOUR]]}
    report = Report(as_of_polled=None, as_of_beating=AT, by_hour=beating)
    strip = strip_of(report, "UTC")
    assert strip is not None
    assert (strip.kind, strip.heading) == ("off", "Time off by hour, 23 Jan 2023")
    assert strip_of(Report(as_of_beating=AT, by_hour=None), "UTC") is None
