"""Heartbeats fill open time. 2024-01-01 is a Monday."""

import pytest

from openhours.uptime.beats import beating
from openhours.uptime.segments import Filled
from tests.uptime import columns
from tests.uptime.columns import EXPIRY, LOOKBACK, MINUTE, Store, column, daily, drawn, utc
from tests.uptime.reference import DAY, Row

AS_OF = utc("2024-01-04 18:00")
NINE_TO_FIVE = daily("09:00", "17:00")


def beats(rows: list[Row], *runs: str) -> Filled:
    """A heartbeat a minute, of `04 09:00-09:30` from 09:00 to 09:30, both included."""
    ats: list[int] = []
    for run in runs:
        since, until = utc(f"2024-01-{run[:8]}"), utc(f"2024-01-{run[:3]}{run[9:]}")
        ats += range(since, until + 1, MINUTE)
    stores = [Store(rows, beats=ats)]
    return beating(
        columns.heartbeats(stores),
        columns.open_intervals(stores, AS_OF - LOOKBACK, AS_OF),
        first_heartbeat=column(ats[:1]),
        as_of=AS_OF,
        lookback=LOOKBACK,
        expiry=2 * MINUTE,
    )


def test_heartbeats_are_up_until_the_last_one_expires() -> None:
    filled = beats(NINE_TO_FIVE, "03 09:10-09:20", "03 12:00-12:00", "04 16:00-17:30")
    assert drawn(filled.segments, "01 00:00") == [
        "03 09:10-09:22 up #0",
        "03 09:22-12:00 down #-1",
        "03 12:00-12:02 up #11",
        "03 12:02-17:00 down #-1",
        "04 09:00-16:00 down #-1",
        "04 16:00-17:00 up #12",
    ]
    assert not len(filled.unobserved.start)


def test_heartbeats_count_in_each_open_interval_that_they_span() -> None:
    rows = daily("09:00", "10:00") + daily("11:00", "12:00")
    assert drawn(beats(rows, "04 09:30-11:29").segments, "04 00:00") == [
        "04 09:30-10:00 up #0",
        "04 11:00-11:31 up #0",
        "04 11:31-12:00 down #-1",
    ]


def test_a_heartbeat_does_not_reach_beyond_as_of() -> None:
    assert drawn(beats([], "04 17:30-18:00").segments, "01 00:00") == ["04 17:30-18:00 up #0"]


@pytest.mark.parametrize(("before", "counts"), [(LOOKBACK, True), (LOOKBACK + 1, False)])
def test_a_heartbeat_before_the_lookback_does_not_count(before: int, counts: bool) -> None:
    stores = [Store(beats=[AS_OF - before])]
    filled = beating(
        columns.heartbeats(stores),
        columns.open_intervals(stores, AS_OF - LOOKBACK, AS_OF),
        first_heartbeat=column([AS_OF - 100 * DAY]),
        as_of=AS_OF,
        lookback=LOOKBACK,
        expiry=EXPIRY,
    )
    assert filled.known.tolist() == [True]
    assert filled.segments.active.any() == counts
