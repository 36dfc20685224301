"""The geometry of charts: what is drawn where, and in which words."""

import asyncio
from datetime import UTC, datetime

import pytest

from openhours.db.engine import make_engine
from openhours.reports.timeline import Timeline
from openhours.reports.timeline_query import timeline_of
from openhours.settings import Settings
from openhours.times import DAY
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
    # Until T, 11:30: estimated until 09:14; then both polls say the same.
    assert [(mark.x, mark.kind) for mark in monday.marks] == [(375, "up filled"), (384.72, "up")]
    assert sum(mark.width for mark in monday.marks) == pytest.approx(2.5 / 24 * 1000, abs=0.02)
    assert monday.marks[1].at == "2023-01-23T16:14:00.000000Z"
    assert monday.marks[0].text.startswith(
        "09:00 to 09:14 up, estimated: nearest poll 10:14 active"
    )
    assert monday.marks[1].text == (
        "09:14 to 11:30 up: polls 10:14 to 11:14, both active; "
        "open Mon 09:00-12:00 America/Denver (UTC-7)"
    )
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
    assert day.summary in ("unknown", "no data")
    assert not any(mark.kind.startswith(("up", "down")) for mark in day.marks)
