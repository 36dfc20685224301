"""Intervals and their items in one column, and the segments that are laid out by it."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from openhours.uptime.hours import Intervals
from openhours.uptime.segments import interleave, lay_out
from tests.uptime.columns import column


def test_each_interval_is_followed_by_its_items() -> None:
    places = interleave(column([0, 1, 3]), 3)
    heads, items = column([100, 200, 300]), column([1, 2, 3])
    assert places.column(heads, items).tolist() == [100, 1, 200, 2, 3, 300]


def test_items_may_take_two_places_and_intervals_end_with_a_tail() -> None:
    places = interleave(column([0, 1, 3]), 3, width=2, tails=True)
    items = np.array([[1, 10], [2, 20], [3, 30]])
    found = places.column(column([100, 200, 300]), items, column([-1, -2, -3]))
    assert found.tolist() == [100, 1, 10, -1, 200, 2, 20, 3, 30, -2, 300, -3]


@given(st.lists(st.integers(0, 3), max_size=8), st.sampled_from([1, 2]), st.booleans())
def test_any_number_of_items_is_interleaved_as_lists_would_be(
    counts: list[int], width: int, tails: bool
) -> None:
    expected: list[int] = []
    item = 0
    for interval, count in enumerate(counts):
        expected.append(1000 + interval)
        for _ in range(count):
            expected += [item * width + part for part in range(width)]
            item += 1
        expected += [2000 + interval] if tails else []
    before = column([sum(counts[:n]) for n in range(len(counts))])
    places = interleave(before, item, width=width, tails=tails)
    found = places.column(
        1000 + np.arange(len(counts)),
        np.arange(item * width).reshape(item, width),
        2000 + np.arange(len(counts)) if tails else None,
    )
    assert found.tolist() == expected


def test_a_segment_lasts_until_the_next_or_the_end_of_its_interval() -> None:
    intervals = Intervals(column([0, 1]), column([10, 50]), column([30, 90]))
    start = column([10, 20, 50, 50, 70])
    active = np.array([True, False, True, False, True])
    found = lay_out(intervals, column([0, 2]), start, active, np.arange(5))
    rows = zip(found.store, found.start, found.end, found.active, found.source, strict=True)
    assert [tuple(map(int, row)) for row in rows] == [
        (0, 10, 20, 1, 0),
        (0, 20, 30, 0, 1),
        (1, 50, 70, 0, 3),  # the empty one before it is dropped
        (1, 70, 90, 1, 4),
    ]


@pytest.mark.parametrize("tails", [True, False])
def test_no_intervals_at_all(tails: bool) -> None:
    nothing = column([])
    places = interleave(nothing, 0, width=2, tails=tails)
    assert places.column(nothing, nothing, nothing if tails else None).tolist() == []
