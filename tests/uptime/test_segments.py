"""The segments that a page draws, and what it says of each. 2024-01-01 is a Monday."""

import numpy as np
import pytest

from openhours.uptime.axis import Axis
from openhours.uptime.beats import beating
from openhours.uptime.fill import Interpolation, polled
from openhours.uptime.segments import Filled, Segments
from tests.uptime import columns
from tests.uptime.columns import EXPIRY, LOOKBACK, MINUTE, Store, column, daily, utc
from tests.uptime.reference import DAY, HOUR, Poll, Row

AS_OF = utc("2024-01-04 18:00")
NINE_TO_FIVE = daily("09:00", "17:00")


def poll(text: str, active: bool) -> Poll:
    return utc(f"2024-01-{text}"), active


def fill(
    rows: list[Row],
    polls: list[Poll],
    as_of: int = AS_OF,
    interpolation: Interpolation = "nearest",
    radius: int = HOUR,
) -> Filled:
    stores = [Store(rows, polls=polls)]
    return polled(
        columns.observations(stores),
        columns.open_intervals(stores, as_of - LOOKBACK, as_of),
        stores=1,
        as_of=as_of,
        lookback=LOOKBACK,
        interpolation=interpolation,
        radius=radius,
    )


def drawn(segments: Segments, since: str) -> list[str]:
    """From an instant on, as text: `04 09:00-10:30 up #0`."""

    def text(at: int) -> str:
        return str(np.datetime64(at, "us"))[8:16].replace("T", " ")

    rows = zip(*(part.tolist() for part in vars(segments).values()), strict=True)
    return [
        f"{text(start)}-{text(end)[3:]} {'up' if active else 'down'} #{source}"
        for _, start, end, active, source in rows
        if start >= utc(f"2024-01-{since}")
    ]


def test_each_change_of_status_begins_a_segment() -> None:
    polls = [poll("04 10:00", True), poll("04 11:00", False), poll("04 12:00", False)]
    assert drawn(fill(NINE_TO_FIVE, polls).segments, "04 00:00") == [
        "04 09:00-10:30 up #0",
        "04 10:30-17:00 down #1",
    ]


def test_previous_moves_the_change_to_the_later_poll() -> None:
    polls = [poll("04 10:00", True), poll("04 11:00", False), poll("04 12:00", True)]
    assert drawn(fill(NINE_TO_FIVE, polls, interpolation="previous").segments, "04 00:00") == [
        "04 09:00-11:00 up #0",
        "04 11:00-12:00 down #1",
        "04 12:00-17:00 up #2",
    ]


def test_a_day_without_polls_says_from_which_poll_it_inherits() -> None:
    polls = [poll("02 10:00", False), poll("02 16:00", True), poll("04 12:00", False)]
    assert drawn(fill(NINE_TO_FIVE, polls).segments, "01 00:00") == [
        "01 09:00-17:00 down #0",  # the first poll after it
        "02 09:00-13:00 down #0",
        "02 13:00-17:00 up #1",
        "03 09:00-17:00 up #1",  # the last poll before it
        "04 09:00-17:00 down #2",
    ]


def test_segments_end_at_as_of() -> None:
    polls = [poll("04 10:00", True)]
    filled = fill(NINE_TO_FIVE, polls, as_of=utc("2024-01-04 12:00"))
    assert drawn(filled.segments, "04 00:00") == ["04 09:00-12:00 up #0"]


def test_a_poll_at_as_of_counts_if_the_store_is_open_then() -> None:
    opening = fill(NINE_TO_FIVE, [poll("04 09:00", True)], as_of=utc("2024-01-04 09:00"))
    assert drawn(opening.segments, "03 00:00") == ["03 09:00-17:00 up #0"]
    closing = fill(NINE_TO_FIVE, [poll("04 17:00", True)], as_of=utc("2024-01-04 17:00"))
    assert closing.known.tolist() == [False]


def test_a_poll_after_as_of_or_before_the_lookback_does_not_count() -> None:
    late = fill([], [(AS_OF + 1, True)])
    early = fill([], [(AS_OF - LOOKBACK - 1, True)])
    edges = fill([], [(AS_OF - LOOKBACK, True)])
    assert [late.known[0], early.known[0], edges.known[0]] == [False, False, True]


def test_a_store_without_a_counted_poll_is_unknown() -> None:
    filled = fill(NINE_TO_FIVE, [poll("04 08:00", True)])
    assert filled.known.tolist() == [False]
    assert drawn(filled.segments, "04 00:00") == ["04 09:00-17:00 down #-1"]


def test_no_polls_at_all() -> None:
    assert fill([], []).known.tolist() == [False]


def test_a_midpoint_between_two_microseconds_is_rounded_down() -> None:
    noon = utc("2024-01-04 12:00")
    segments = fill([], [(noon, True), (noon + 3, False)]).segments
    assert segments.end[0] == segments.start[1] == noon + 1


def test_a_segment_that_the_rounding_empties_is_dropped() -> None:
    nine = utc("2024-01-04 09:00")
    segments = fill(NINE_TO_FIVE, [(nine, True), (nine + 1, False)]).segments
    assert drawn(segments, "04 00:00") == ["04 09:00-17:00 down #1"]


def test_unobserved_is_what_lies_further_than_the_radius_from_every_poll() -> None:
    polls = [poll("04 11:00", True), poll("04 13:00", False), poll("04 15:30", True)]
    assert drawn(fill(NINE_TO_FIVE, polls).unobserved, "03 00:00") == [
        "03 09:00-17:00 up #0",
        "04 09:00-10:00 up #0",
        "04 14:00-14:15 down #1",
        "04 14:15-14:30 up #2",
        "04 16:30-17:00 up #2",
    ]


def test_unobserved_with_previous_keeps_the_status_of_the_earlier_poll() -> None:
    polls = [poll("04 10:00", True), poll("04 16:00", False)]
    assert drawn(fill(NINE_TO_FIVE, polls, interpolation="previous").unobserved, "04 00:00") == [
        "04 11:00-15:00 up #0",
    ]


def test_a_poll_of_another_interval_observes_nothing() -> None:
    rows = daily("09:00", "12:00") + daily("12:30", "17:00")
    filled = fill(rows, [poll("04 12:40", True)])
    assert drawn(filled.unobserved, "04 00:00") == ["04 09:00-12:00 up #0", "04 13:40-17:00 up #0"]


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


def test_too_many_stores_for_one_axis_are_refused() -> None:
    with pytest.raises(OverflowError):
        Axis(0, 14 * DAY, 10**8)
