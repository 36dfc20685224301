"""The geometry of charts: what is drawn where, and in which words."""

import asyncio
from datetime import UTC, datetime

import pytest

from openhours.db.engine import make_engine
from openhours.reports.tables import Report
from openhours.reports.timeline import Timeline
from openhours.reports.timeline_query import timeline_of
from openhours.settings import Settings
from openhours.times import DAY, HOUR
from openhours.web import charts
from tests.helpers import stock

AT = datetime(2023, 1, 23, 4, tzinfo=UTC)


@pytest.fixture
def line(stocked_settings: Settings) -> Timeline:
    """A store that is open on Mondays, 9 to 12 in Denver, and was active at 10:14 and 11:14."""
    return read(stocked_settings, stock.SLASHED, stock.AS_OF)


def read(settings: Settings, store_id: str, as_of: datetime) -> Timeline:
    assert settings.database_url is not None
    url = settings.database_url.get_secret_value()

    async def ask() -> Timeline:
        engine = make_engine(url)
        answer = await timeline_of(engine, settings, store_id, as_of, None)
        await engine.dispose()
        return answer.timeline

    return asyncio.run(ask())


def test_a_strip_has_a_column_per_hour_without_a_share_where_nothing_was_open() -> None:
    by_hour = {"polled": [[HOUR, 0, HOUR, HOUR], [HOUR, 0, HOUR // 2, 0]]}
    report = Report(as_of_polled=AT, as_of_beating=AT, by_hour=by_hour)
    strip = charts.strip_of(report, "Asia/Kolkata")
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
    strip = charts.strip_of(Report(as_of_polled=AT, as_of_beating=AT, by_hour=by_hour), "UTC")
    assert strip is not None
    assert strip.top == top


def test_a_strip_has_a_tick_at_each_local_midnight() -> None:
    by_hour = {"polled": [[HOUR] * 168, [HOUR] * 168]}
    report = Report(as_of_polled=AT, as_of_beating=AT, by_hour=by_hour)
    strip = charts.strip_of(report, "America/Denver")  # 21:00 on Sunday
    assert strip is not None
    assert strip.heading == "Downtime by hour, 15–22 Jan 2023"
    labels = [day.label for day in strip.days]
    assert labels == ["Mon 16", "Tue 17", "Wed 18", "Thu 19", "Fri 20", "Sat 21", "Sun 22"]
    assert strip.days[0].x == round(3 / 168 * 1000, 2)
    late = charts.strip_of(report, "Asia/Kolkata")  # 09:30 on Monday
    assert late is not None
    assert (late.days[-1].x, late.days[-1].label) == (round(158.5 / 168 * 1000, 2), "")


def test_a_strip_is_of_pcs_where_no_store_is_polled() -> None:
    beating = {"beating": [[HOUR], [HOUR]]}
    report = Report(as_of_polled=None, as_of_beating=AT, by_hour=beating)
    strip = charts.strip_of(report, "UTC")
    assert strip is not None
    assert (strip.kind, strip.heading) == ("off", "Time off by hour, 23 Jan 2023")
    assert charts.strip_of(Report(as_of_beating=AT, by_hour=None), "UTC") is None


def test_a_week_is_drawn_in_local_days_newest_first(line: Timeline) -> None:
    days = charts.week_of(line, line.as_of - 7 * DAY, line.as_of)
    assert [day.date for day in days] == [
        f"2023-01-{day}" for day in (23, 22, 21, 20, 19, 18, 17, 16)
    ]
    assert [day.summary for day in days[1:7]] == ["closed"] * 6
    assert not any(day.offset_changes for day in days)
    assert days[0].label == "Mon 23 Jan"
    assert days[0].ticks == [(250, "06"), (500, "12"), (750, "18")]


def test_a_day_is_as_wide_as_it_is_long(line: Timeline) -> None:
    monday = charts.week_of(line, line.as_of - 7 * DAY, line.as_of)[0]
    (opened,) = monday.opened
    assert (opened.x, opened.width) == (375, 125)  # 9 to 12 of 24 hours
    # Until T, 11:30: filled until 09:14, measured by one poll until 10:44, by the other after it.
    assert [(mark.x, mark.kind) for mark in monday.marks] == [
        (375, "up filled"),
        (384.72, "up"),
        (447.22, "up"),
    ]
    assert sum(mark.width for mark in monday.marks) == pytest.approx(2.5 / 24 * 1000, abs=0.02)
    assert monday.marks[1].at == "2023-01-23T16:14:00.000000Z"
    assert "nearest poll 10:14 active" in monday.marks[1].text
    assert monday.summary == "2.5 h up"
    assert monday.dots.keys() == {"up"}
    assert monday.dots["up"].count("M") == 2


def test_the_day_on_which_clocks_change_is_stretched(stocked_settings: Settings) -> None:
    line = read(stocked_settings, stock.SLASHED, datetime(2023, 3, 14, tzinfo=UTC))
    days = charts.week_of(line, line.as_of - 3 * DAY, line.as_of)
    assert [day.offset_changes for day in days] == [False, True, False, False]
    assert days[1].ticks[0] == (round(5 / 23 * 1000, 2), "06")


def test_heartbeats_that_would_cover_each_other_are_one_dot(line: Timeline) -> None:
    drawing = charts._Drawing(line, 0, DAY, 0, DAY)
    minute = DAY // 1440
    assert drawing._points([0, minute, 2 * minute, 5 * minute]).count("M") == 2


def test_time_of_which_nothing_is_known_is_unknown(stocked_settings: Settings) -> None:
    line = read(stocked_settings, "only-hours", stock.AS_OF)
    (day, *_) = charts.week_of(line, line.as_of - DAY, line.as_of)
    assert day.summary in ("unknown", "nothing known")
    assert not any(mark.kind.startswith(("up", "down")) for mark in day.marks)
