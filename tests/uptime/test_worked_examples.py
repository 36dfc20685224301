"""The worked examples of docs/spec.md: zone UTC, 2024-01-01 is a Monday."""

from datetime import date

import numpy as np
import pytest

from openhours.uptime.corrections import Correction, correct
from openhours.uptime.totals import figures
from openhours.uptime.windows import Window, bounds
from tests.uptime import columns
from tests.uptime.columns import MINUTE, Store, clock, daily, filled, utc
from tests.uptime.reference import DAY, HOUR, Poll, Row

HOUR_WINDOW, DAY_WINDOW, WEEK_WINDOW = 0, 1, 2


def on_monday(opens: str, closes: str) -> list[Row]:
    return [(0, clock(opens), clock(closes))]


def polls(*lines: str) -> list[Poll]:
    """`2024-01-01 10:14 active`"""
    return [(utc(line[:16]), line[17:] == "active") for line in lines]


@pytest.mark.parametrize(
    ("rows", "observed", "as_of", "window", "up_and_down"),
    [
        pytest.param(
            on_monday("09:00", "12:00"),
            polls("2024-01-01 10:14 active", "2024-01-01 11:15 inactive"),
            "2024-01-01 12:00",
            DAY_WINDOW,
            (104.5, 75.5),
            id="the status turns midway between two polls",
        ),
        pytest.param(
            on_monday("09:00", "12:00"),
            polls("2024-01-01 08:30 inactive", "2024-01-01 10:00 active"),
            "2024-01-01 12:00",
            DAY_WINDOW,
            (180, 0),
            id="a poll outside open time does not count",
        ),
        pytest.param(
            daily("09:00", "17:00"),
            polls("2024-01-01 16:00 inactive", "2024-01-03 09:30 active"),
            "2024-01-03 17:00",
            WEEK_WINDOW,
            (8 * 60, 48 * 60),
            id="a day without polls inherits, the days before the first poll take it",
        ),
        pytest.param(
            on_monday("22:00", "02:00"),
            polls("2024-01-02 01:00 active"),
            "2024-01-02 02:00",
            DAY_WINDOW,
            (240, 0),
            id="overnight is one interval",
        ),
        pytest.param(
            [],
            polls("2024-01-01 00:00 active", "2024-01-01 06:00 inactive"),
            "2024-01-01 06:00",
            DAY_WINDOW,
            (21 * 60, 3 * 60),
            id="always open",
        ),
        pytest.param(
            daily("11:00", "23:59:59") + daily("00:00", "01:00"),
            polls("2024-01-01 23:30 active", "2024-01-02 00:40 inactive"),
            "2024-01-02 01:00",
            HOUR_WINDOW,
            (5, 55),
            id="hours that meet at midnight are one interval",
        ),
    ],
)
def test_worked_example(
    rows: list[Row], observed: list[Poll], as_of: str, window: int, up_and_down: tuple[float, float]
) -> None:
    figures = columns.polled([Store(rows, polls=observed)], utc(as_of))
    up, opened = figures.up[window, 0], figures.open[window, 0]
    assert (up / MINUTE, (opened - up) / MINUTE) == up_and_down


def test_heartbeats_until_they_expire() -> None:
    beats = [utc("2024-01-01 11:00"), utc("2024-01-01 11:01"), utc("2024-01-01 11:30")]
    store = Store(beats=beats, first_heartbeat=beats[0])
    figures = columns.beating([store], utc("2024-01-01 12:00"))
    assert figures.open[:, 0].tolist() == [HOUR] * 3, "nothing counts before the first heartbeat"
    assert figures.up[:, 0].tolist() == [6 * MINUTE] * 3  # 11:00 to 11:03:30, 11:30 to 11:32:30
    assert figures.observed[:, 0].tolist() == [HOUR] * 3


def test_a_closed_tuesday_is_not_counted() -> None:
    store = Store(
        daily("09:00", "17:00"),
        polls=polls("2024-01-01 10:00 active", "2024-01-03 10:00 inactive"),
        special={date(2024, 1, 2): [(None, None)]},
    )
    figures = columns.polled([store], utc("2024-01-03 17:00"))
    up, opened = figures.up[WEEK_WINDOW, 0], figures.open[WEEK_WINDOW, 0]
    assert (up / HOUR, (opened - up) / HOUR) == (40, 8)


def test_the_correction_made_last_decides() -> None:
    as_of = utc("2024-01-03 17:00")
    store = Store(daily("09:00", "17:00"), polls=polls("2024-01-03 10:00 active"))
    made = [
        Correction(utc("2024-01-02 12:00"), utc("2024-01-02 14:00"), "down"),
        Correction(utc("2024-01-02 13:00"), utc("2024-01-02 15:00"), "excluded"),
    ]
    corrected = correct(filled([store], as_of), made, np.ones((2, 1), np.bool_))
    found = figures(corrected, columns.default_bounds(1, as_of))
    up, opened = found.up[WEEK_WINDOW, 0], found.open[WEEK_WINDOW, 0]
    assert (up / HOUR, (opened - up) / HOUR) == (53, 1)


def test_yesterday_holds_what_began_on_monday_and_the_special_hours() -> None:
    as_of = utc("2024-01-03 12:00")
    store = Store(
        daily("20:00", "02:00"),
        polls=polls("2024-01-01 21:00 active"),
        special={date(2024, 1, 2): [(clock("18:00"), clock("19:00"))]},
    )
    tuesday = utc("2024-01-02 00:00") // DAY
    yesterday = Window("2024-01-02", "dates", tuesday, tuesday + 1)
    found = figures(
        filled([store], as_of), bounds([yesterday], columns.column([0]), ["UTC"], as_of)
    )
    assert (found.up[0, 0] / HOUR, found.open[0, 0] / HOUR) == (3, 3)
