"""Polls fill open time: the segments, and what is unobserved. 2024-01-01 is a Monday."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from openhours.uptime.fill import Interpolation
from openhours.uptime.segments import Filled
from openhours.uptime.totals import figures
from tests.uptime import columns
from tests.uptime.columns import LOOKBACK, Store, daily, drawn, utc
from tests.uptime.reference import Poll, Row
from tests.uptime.strategies import polled_stores

AS_OF = utc("2024-01-04 18:00")
NINE_TO_FIVE = daily("09:00", "17:00")


def poll(text: str, active: bool) -> Poll:
    return utc(f"2024-01-{text}"), active


def fill(
    rows: list[Row],
    polls: list[Poll],
    as_of: int = AS_OF,
    interpolation: Interpolation = "nearest",
    per_poll: bool = False,
) -> Filled:
    return fill_all([Store(rows, polls=polls)], as_of, interpolation, per_poll)


def fill_all(
    stores: list[Store], as_of: int, interpolation: Interpolation, per_poll: bool
) -> Filled:
    return columns.filled(stores, as_of, interpolation=interpolation, per_poll=per_poll)


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


def test_per_poll_each_poll_has_a_segment_of_its_own() -> None:
    polls = [poll("04 10:00", True), poll("04 11:00", True), poll("04 12:00", False)]
    assert drawn(fill(NINE_TO_FIVE, polls, per_poll=True).segments, "04 00:00") == [
        "04 09:00-10:30 up #0",
        "04 10:30-11:30 up #1",
        "04 11:30-17:00 down #2",
    ]


@pytest.mark.slow
@given(polled_stores(), st.sampled_from(["nearest", "previous"]))
def test_segments_per_poll_are_the_merged_ones_cut_smaller(
    stores_and_as_of: tuple[list[Store], int], interpolation: Interpolation
) -> None:
    stores, as_of = stores_and_as_of
    merged = fill_all(stores, as_of, interpolation, per_poll=False)
    single = fill_all(stores, as_of, interpolation, per_poll=True)
    for whole, parts in (
        tuple(
            vars(figures(filled, columns.default_bounds(len(stores), as_of)))
            for filled in (merged, single)
        ),
        (vars(merged.unobserved), vars(single.unobserved)),
    ):
        for name, values in whole.items():
            assert (values == parts[name]).all(), name
    starts = zip(single.segments.store.tolist(), single.segments.start.tolist(), strict=True)
    assert set(
        zip(merged.segments.store.tolist(), merged.segments.start.tolist(), strict=True)
    ) <= set(starts)
    own = single.segments.source[single.segments.source >= 0]
    polls = columns.observations(stores)
    inside = (polls.at[own] >= single.segments.start[single.segments.source >= 0]) & (
        polls.at[own] <= single.segments.end[single.segments.source >= 0]
    )
    assert len(np.unique(own[inside])) == inside.sum(), "no poll has two segments around it"
