"""The kernel against the plain reference, for any stores in any zone at any time."""

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from openhours.uptime.fill import Interpolation
from openhours.uptime.totals import Figures
from tests.uptime import columns, reference
from tests.uptime.columns import EXPIRY, LOOKBACK, Store
from tests.uptime.reference import DAY, HOUR, Answer
from tests.uptime.strategies import beating_stores, instants, polled_stores, row_lists, zones

thorough = settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
brief = settings(thorough, max_examples=50)
interpolations = st.sampled_from(["nearest", "previous"])
lookbacks = st.sampled_from([7 * DAY, LOOKBACK])
radii = st.sampled_from([HOUR, 0, 1, 5 * HOUR])


def answer(figures: Figures, store: int) -> Answer:
    parts = (figures.open, figures.up, figures.observed, figures.up_observed)
    of_store = [part[:, store].tolist() for part in parts]
    return Answer(list(zip(*of_store, strict=True)), bool(figures.known[store]))


@thorough
@given(st.data(), zones, row_lists())
def test_open_time_is_the_reference_s(
    data: st.DataObject, zone: str, rows: list[reference.Row]
) -> None:
    end = data.draw(instants(zone))
    start = end - data.draw(st.integers(0, 20 * DAY))
    intervals = columns.pairs(columns.open_intervals([Store(rows, zone)], start, end))
    expected = reference.open_intervals(rows, zone, start, end)

    def cut(a: int, b: int) -> tuple[int, int]:  # hours that never close are followed for a while
        return max(a, start - DAY // 2), min(b, end + DAY // 2)

    assert [cut(*i) for i in intervals] == [cut(*i) for i in expected]


@thorough
@given(polled_stores(), interpolations, lookbacks, radii)
def test_polled_figures_are_the_reference_s(
    drawn: tuple[list[Store], int], interpolation: Interpolation, lookback: int, radius: int
) -> None:
    stores, as_of = drawn
    figures = columns.polled(stores, as_of, lookback, interpolation, radius)
    for n, store in enumerate(stores):
        intervals = reference.open_intervals(store.rows, store.zone, as_of - lookback, as_of)
        expected = reference.polled(store.polls, intervals, as_of, lookback, interpolation, radius)
        assert answer(figures, n) == expected


@thorough
@given(beating_stores(), lookbacks)
def test_beating_figures_are_the_reference_s(drawn: tuple[list[Store], int], lookback: int) -> None:
    stores, as_of = drawn
    figures = columns.beating(stores, as_of, lookback)
    for n, store in enumerate(stores):
        intervals = reference.open_intervals(store.rows, store.zone, as_of - lookback, as_of)
        expected = reference.beating(
            store.beats, intervals, store.first_heartbeat, as_of, lookback, EXPIRY
        )
        assert answer(figures, n) == expected
