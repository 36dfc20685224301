"""Stores whose active polls fit open time that is some hours off, and those that never do."""

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from openhours.times import DAY, HOUR, MINUTE
from openhours.uptime.axis import Bool, Int64
from openhours.uptime.fit import Misfits, misfits
from openhours.uptime.hours import Intervals

STORES = 40
BOUNDS = range(19_500 * DAY, 19_507 * DAY)
seeds = st.integers(0, 2**32 - 1).map(np.random.default_rng)


def daily_hours(rng: np.random.Generator, longest: int) -> Intervals:
    """Open time that begins at a quarter of an hour and lasts some hours, every day the same."""
    opens = rng.integers(0, 96, STORES) * 15 * MINUTE
    closes = opens + rng.integers(6, longest + 1, STORES) * HOUR
    days = np.arange(BOUNDS.start // DAY - 2, BOUNDS.stop // DAY + 2) * DAY
    store = np.repeat(np.arange(STORES), len(days))
    return Intervals(store, *((edge[:, None] + days).ravel() for edge in (opens, closes)))


def hourly_polls(rng: np.random.Generator) -> tuple[Int64, Int64]:
    """Polls of each store, about one an hour, of which one in ten is missing."""
    at = np.arange(BOUNDS.start, BOUNDS.stop, HOUR) + rng.integers(0, HOUR, (STORES, 1))
    at = at + rng.integers(-5 * MINUTE, 5 * MINUTE, at.shape)
    store = np.broadcast_to(np.arange(STORES)[:, None], at.shape)
    kept = (rng.random(at.shape) < 0.9) & (at >= BOUNDS.start) & (at < BOUNDS.stop)
    return store[kept], at[kept]


def is_open(opened: Intervals, store: Int64, at: Int64) -> Bool:
    inside = np.zeros(len(at), np.bool_)
    for of, start, end in zip(opened.store, opened.start, opened.end, strict=True):
        inside |= (store == of) & (start <= at) & (at < end)
    return inside


def moved(opened: Intervals, hours: int) -> Intervals:
    return Intervals(opened.store, opened.start + hours * HOUR, opened.end + hours * HOUR)


def found(store: Int64, at: Int64, opened: Intervals, active: Bool) -> Misfits:
    return misfits(store[active], at[active], opened, STORES, BOUNDS)


@settings(deadline=None, max_examples=30)
@given(seeds, st.integers(3, 11) | st.integers(-11, -3))
def test_every_store_of_a_fleet_that_is_some_hours_off_is_found_with_its_shift(
    rng: np.random.Generator, hours: int
) -> None:
    true = daily_hours(rng, longest=8)
    store, at = hourly_polls(rng)
    # Now and then a poll fails.
    active = is_open(true, store, at) & (rng.random(len(at)) < 0.97)
    answer = found(store, at, moved(true, -hours), active)
    assert answer.store.tolist() == list(range(STORES))
    # Where polls at an edge are missing, an hour less may do.
    assert np.abs(answer.shift - hours).max() <= 1
    assert np.median(answer.shift) == hours
    assert answer.outside.min() > 0.2
    assert answer.left.max() == 0


ACTIVE: dict[str, Callable[[np.random.Generator, Bool], Bool]] = {
    "while it is open": lambda _, opened: opened,
    "always": lambda _, opened: np.ones_like(opened),
    "at random": lambda rng, opened: rng.random(len(opened)) < rng.random(),
    "while it is open, and rarely outside": lambda rng, opened: (
        opened | (rng.random(len(opened)) < 0.1)
    ),
    "while it is closed": lambda _, opened: ~opened,
}
RIGHT = [name for name in ACTIVE if name != "while it is closed"]


@pytest.mark.slow
@settings(deadline=None, max_examples=60)
@given(seeds, st.sampled_from(RIGHT), st.integers(6, 23))
def test_no_store_of_a_right_fleet_is_ever_found(
    rng: np.random.Generator, activity: str, longest: int
) -> None:
    opened = daily_hours(rng, longest)
    store, at = hourly_polls(rng)
    active = ACTIVE[activity](rng, is_open(opened, store, at))
    assert found(store, at, opened, active).store.tolist() == []


def test_what_no_shift_explains_is_not_found() -> None:
    rng = np.random.default_rng(1)
    opened = daily_hours(rng, longest=8)
    store, at = hourly_polls(rng)
    active = ACTIVE["while it is closed"](rng, is_open(opened, store, at))
    assert found(store, at, opened, active).store.tolist() == []


def test_a_few_polls_say_nothing() -> None:
    opened = Intervals(*(np.array([edge]) for edge in (0, BOUNDS.start, BOUNDS.start + 12 * HOUR)))
    for polls, expected in ((19, []), (20, [0])):
        at = BOUNDS.start + 13 * HOUR + np.arange(polls) * MINUTE
        answer = misfits(np.zeros(polls, np.int64), at, opened, 1, BOUNDS)
        assert answer.store.tolist() == expected
    # It is enough if open time moves so that the first of them is in it.
    assert answer.shift.tolist() == [2]


def test_polls_that_fit_long_hours_by_chance_say_nothing() -> None:
    """Every 8 hours, always active: outside once a day, but never an hour later."""
    days = np.arange(BOUNDS.start - DAY, BOUNDS.stop + DAY, DAY)
    opened = Intervals(np.zeros_like(days), days + 5 * HOUR, days + DAY)
    at = np.arange(BOUNDS.start + 30 * MINUTE, BOUNDS.stop, 8 * HOUR)
    assert misfits(np.zeros_like(at), at, opened, 1, BOUNDS).store.tolist() == []


def test_without_stores_or_polls_nothing_is_found() -> None:
    nothing = np.empty(0, np.int64)
    for stores in (0, 1):
        answer = misfits(nothing, nothing, Intervals(nothing, nothing, nothing), stores, BOUNDS)
        assert answer.store.tolist() == []
