"""The kernel against the plain reference, and its laws, for any stores in any zone at any time."""

import random
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from openhours.uptime.beats import beating
from openhours.uptime.fill import Interpolation
from openhours.uptime.segments import Filled, Segments
from openhours.uptime.totals import Figures, figures
from openhours.uptime.windows import DEFAULT_WINDOWS
from tests.uptime import columns, reference
from tests.uptime.columns import EXPIRY, LOOKBACK, Store, column
from tests.uptime.reference import DAY, HOUR, Answer
from tests.uptime.strategies import (
    beating_stores,
    instants,
    polled_stores,
    stores_with_hours,
    zones,
)

thorough = settings(max_examples=80, deadline=None, suppress_health_check=list(HealthCheck))
brief = settings(thorough, max_examples=30)
interpolations = st.sampled_from(["nearest", "previous"])
lookbacks = st.sampled_from([7 * DAY, LOOKBACK])
radii = st.sampled_from([HOUR, 0, 1, 5 * HOUR])

Drawn = tuple[list[Store], int]


def answer(found: Figures, store: int) -> Answer:
    parts = (found.open, found.up, found.observed, found.corrected)
    of_store = [part[:, store].tolist() for part in parts]
    return Answer(list(zip(*of_store, strict=True)), bool(found.known[store]))


def answers(found: Figures) -> list[Answer]:
    return [answer(found, store) for store in range(len(found.known))]


@pytest.mark.slow
@thorough
@given(st.data(), zones)
def test_open_time_is_the_reference_s(data: st.DataObject, zone: str) -> None:
    end = data.draw(instants(zone))
    start = end - data.draw(st.integers(0, 20 * DAY))
    store = data.draw(stores_with_hours(zone, start, end))
    found = columns.pairs(columns.open_intervals([store], start, end))
    expected = reference.open_intervals(store.hours, zone, start, end)

    # Hours that never close are followed for a while only.
    def cut(interval: tuple[int, int]) -> tuple[int, int]:
        return max(interval[0], start - DAY // 2), min(interval[1], end + DAY // 2)

    assert [cut(interval) for interval in found] == [cut(interval) for interval in expected]


@thorough
@given(polled_stores(), interpolations, lookbacks, radii)
def test_polled_figures_are_the_reference_s(
    drawn: Drawn, interpolation: Interpolation, lookback: int, radius: int
) -> None:
    stores, as_of = drawn
    found = columns.polled(stores, as_of, lookback, interpolation, radius)
    assert answers(found) == [
        reference.summed(
            reference.polled(
                store.polls,
                reference.open_intervals(store.hours, store.zone, as_of - lookback, as_of),
                as_of=as_of,
                lookback=lookback,
                interpolation=interpolation,
                radius=radius,
            ),
            reference.default_windows(as_of),
        )
        for store in stores
    ]


@pytest.mark.slow
@thorough
@given(beating_stores(), lookbacks)
def test_beating_figures_are_the_reference_s(drawn: Drawn, lookback: int) -> None:
    stores, as_of = drawn
    assert answers(columns.beating(stores, as_of, lookback)) == [
        reference.summed(
            reference.beating(
                store.beats,
                reference.open_intervals(store.hours, store.zone, as_of - lookback, as_of),
                first_heartbeat=store.first_heartbeat,
                as_of=as_of,
                lookback=lookback,
                expiry=EXPIRY,
            ),
            reference.default_windows(as_of),
        )
        for store in stores
    ]


@pytest.mark.slow
@brief
@given(polled_stores(most=5), interpolations)
def test_polled_stores_together_are_as_each_alone(
    drawn: Drawn, interpolation: Interpolation
) -> None:
    stores, as_of = drawn
    together = columns.polled(stores, as_of, interpolation=interpolation)
    alone = [columns.polled([store], as_of, interpolation=interpolation) for store in stores]
    assert answers(together) == [answer(found, 0) for found in alone]


@pytest.mark.slow
@brief
@given(beating_stores(most=5))
def test_beating_stores_together_are_as_each_alone(drawn: Drawn) -> None:
    stores, as_of = drawn
    alone = [columns.beating([store], as_of) for store in stores]
    assert answers(columns.beating(stores, as_of)) == [answer(found, 0) for found in alone]


@pytest.mark.slow
@brief
@given(polled_stores(), st.randoms(use_true_random=False))
def test_the_order_of_rows_does_not_matter(drawn: Drawn, chance: random.Random) -> None:
    stores, as_of = drawn
    shuffled = [replace(store, rows=chance.sample(store.rows, len(store.rows))) for store in stores]
    assert answers(columns.polled(shuffled, as_of)) == answers(columns.polled(stores, as_of))


@pytest.mark.slow
@brief
@given(polled_stores(), interpolations, radii)
def test_the_laws_of_figures(drawn: Drawn, interpolation: Interpolation, radius: int) -> None:
    stores, as_of = drawn
    found = columns.polled(stores, as_of, interpolation=interpolation, radius=radius)
    length = np.array([-window.start for window in DEFAULT_WINDOWS])[:, None]
    rising = (
        np.zeros_like(found.open),
        found.up,
        found.open,
        np.broadcast_to(length, found.open.shape),
    )
    for low, high in pairwise(rising):
        assert (low <= high).all()
    assert (found.observed >= 0).all()
    assert (found.observed <= found.open).all()
    assert (np.diff(found.open, axis=0) >= 0).all(), "a longer window holds the shorter"
    assert not found.up[:, ~found.known].any()


@pytest.mark.slow
@brief
@given(polled_stores(), interpolations)
def test_drawn_polls_sum_up_to_the_figures(drawn: Drawn, interpolation: Interpolation) -> None:
    stores, as_of = drawn
    polls = columns.observations(stores)
    filled = columns.filled(stores, as_of, interpolation=interpolation)
    check_drawn(filled, as_of, len(stores))
    for segments in (filled.segments, filled.unobserved):
        known = filled.known[segments.store]
        assert (polls.active[segments.source[known]] == segments.active[known]).all()
        assert (polls.store[segments.source[known]] == segments.store[known]).all()
        assert (segments.source[~known] == -1).all()


@pytest.mark.slow
@brief
@given(beating_stores())
def test_drawn_heartbeats_sum_up_to_the_figures(drawn: Drawn) -> None:
    stores, as_of = drawn
    filled = beating(
        columns.heartbeats(stores),
        columns.open_intervals(stores, as_of - LOOKBACK, as_of),
        first_heartbeat=column([store.first_heartbeat for store in stores]),
        as_of=as_of,
        lookback=LOOKBACK,
        expiry=EXPIRY,
    )
    check_drawn(filled, as_of, len(stores))
    assert ((filled.segments.source >= 0) == filled.segments.active).all()


def check_drawn(filled: Filled, as_of: int, stores: int) -> None:
    found = figures(filled, columns.default_bounds(stores, as_of))
    for segments in (filled.segments, filled.unobserved):
        assert (segments.start < segments.end).all()
        same = segments.store[1:] == segments.store[:-1]
        assert (np.diff(segments.store) >= 0).all()
        assert (segments.end[:-1][same] <= segments.start[1:][same]).all()
        assert (segments.end <= as_of).all()
    for window, (_, _, start, _) in enumerate(DEFAULT_WINDOWS):
        for store in range(stores):
            drawn = drawn_time(filled.segments, store, as_of + start)
            unobserved = drawn_time(filled.unobserved, store, as_of + start)
            assert drawn == (found.open[window, store], found.up[window, store])
            assert unobserved[0] == found.open[window, store] - found.observed[window, store]


def drawn_time(segments: Segments, store: int, since: int) -> tuple[int, int]:
    rows = zip(*(part.tolist() for part in vars(segments).values()), strict=True)
    lengths = [
        (end - max(start, since), active)
        for of, start, end, active, _ in rows
        if of == store and end > since
    ]
    return sum(n for n, _ in lengths), sum(n for n, active in lengths if active)
