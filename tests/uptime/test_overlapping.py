"""Rows of hours that overlap, compared with every pair of rows of a version."""

from itertools import combinations
from typing import Any

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from openhours.times import DAY, HOUR
from openhours.uptime.dates import ALWAYS, CLOSED, WeekHours, overlapping

times = st.integers(0, 8).map(lambda n: n * 3 * HOUR)
spans = st.tuples(times.filter(lambda at: at < DAY), times) | st.just((CLOSED, CLOSED))
rows = st.tuples(st.integers(0, 1), st.integers(0, 6), spans, st.sampled_from([ALWAYS, 0, 19_000]))


def week(some: list[Any]) -> WeekHours:
    table = [(store, day, *span, since) for store, day, span, since in some]
    return WeekHours(*np.array(table, np.int64).reshape(-1, 5).T)


def stretches(day: int, opens: int, closes: int) -> list[tuple[int, int]]:
    """[start, end) of a row within the week: what lasts beyond Sunday begins the week."""
    if opens == CLOSED:
        return []
    start, end = day * DAY + opens, day * DAY + closes + (DAY if closes <= opens else 0)
    return [(start, min(end, 7 * DAY)), (0, end - 7 * DAY)]


def overlap(one: Any, other: Any) -> bool:
    return (one[0], one[3]) == (other[0], other[3]) and any(
        max(a, c) < min(b, d)
        for a, b in stretches(one[1], *one[2])
        for c, d in stretches(other[1], *other[2])
    )


@given(st.lists(rows, max_size=8, unique=True))
def test_rows_overlap_as_each_two_of_a_version_do(some: list[Any]) -> None:
    pairs = [
        pair for pair in combinations(range(len(some)), 2) if overlap(*(some[n] for n in pair))
    ]
    found = np.flatnonzero(overlapping(week(some))).tolist()
    # Not all that overlap are named, but each that is overlaps, and so does no store without one.
    assert set(found) <= {n for pair in pairs for n in pair}
    assert {some[n][0] for n in found} == {some[n][0] for pair in pairs for n in pair}
