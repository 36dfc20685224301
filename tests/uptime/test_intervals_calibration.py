"""Does the truth lie where the intervals say? Simulated fleets; `make bench` has larger ones."""

from functools import cache

import numpy as np
import pytest
from tools import fleets
from tools.fleets import FLEETS, Fleet

from openhours.times import DAY, HOUR
from openhours.uptime.intervals import mixture, rates, reliability
from openhours.uptime.intervals.reliability import BINS, SCALE

pytestmark = pytest.mark.slow

STORES, DAYS = 500, 37
HOURLY, DAILY, WEEKLY, MONTHLY = range(4)


@cache
def fleet(name: str) -> Fleet:
    return fleets.simulate(20230125, STORES, DAYS, **FLEETS[name])


def prior_of(some: Fleet) -> np.ndarray:
    likelihoods = some.evidence(some.bounds(HOUR), DAYS * DAY).likelihoods
    return rates.fit_prior(likelihoods.astype(np.float64))


@cache
def covered(name: str) -> tuple[list[float], list[float]]:
    """Of hour, day, week and month: of which part of stores the truth is inside; ever seen down."""
    return fleets.coverage(fleet(name), HOUR, DAY, 7 * DAY, 30 * DAY)


@pytest.mark.parametrize("name", FLEETS)
def test_the_truth_of_nine_stores_in_ten_is_inside(name: str) -> None:
    every, seen_down = covered(name)
    assert min(every) >= (0.85 if name == "heavy-tailed repairs" else 0.87)
    assert min(seen_down) >= 0.85


@pytest.mark.parametrize("name", FLEETS)
def test_a_long_window_of_stores_seen_down_is_not_wider_than_it_must_be(name: str) -> None:
    """A short one mostly has nothing but all its time in it, and then more than nine in ten."""
    _, seen_down = covered(name)
    assert seen_down[MONTHLY] <= 0.94


def test_without_the_two_atoms_fewer_are_inside(monkeypatch: pytest.MonkeyPatch) -> None:
    """The Beta alone, as if a store were always up and down in some part of a window."""
    with_atoms, _ = covered("exponential repairs")
    points = mixture._points

    def beta_alone(moments: np.ndarray, hours: np.ndarray) -> list[np.ndarray]:
        moments[2:] = 0
        return points(moments, hours)

    monkeypatch.setattr(mixture, "_points", beta_alone)
    without, _ = fleets.coverage(fleet("exponential repairs"), HOUR, DAY, 7 * DAY, 30 * DAY)
    assert without[DAILY] < with_atoms[DAILY] - 0.04


def test_what_is_said_of_polls_held_out_comes_true() -> None:
    some = fleet("exponential repairs")
    table = held_out_table(some)
    said, was, count = table.T
    many = count >= 1000
    assert many.sum() >= 4
    assert said[many] / SCALE / count[many] == pytest.approx(was[many] / count[many], abs=0.03)


def held_out_table(some: Fleet) -> np.ndarray:
    held = some.hold_out(DAYS * DAY)
    table = reliability.reliability(held, prior_of(some))
    assert table.shape == (BINS, 3)
    assert table[:, 2].sum() == len(held.store)
    return table


def test_every_second_poll_is_held_out_if_one_comes_after_it() -> None:
    some = fleets.simulate(1, 1, 3, always_open=1.0)
    held = some.hold_out(14 * DAY)
    at, up = some.polls.at, some.polls.active
    assert len(held.store) == (len(at) - 1) // 2
    assert held.up.tolist() == up[1:-1:2].tolist()
    assert (held.before * HOUR).tolist() == pytest.approx((at[1:-1:2] - at[:-2:2]).tolist())
    assert (held.after * HOUR).tolist() == pytest.approx((at[2::2] - at[1:-1:2]).tolist())


def test_a_poll_held_out_does_not_tell_of_itself() -> None:
    """The likelihoods are those of a fleet that was polled half as often."""
    some = fleets.simulate(2, 20, 14, always_open=1.0)
    held = some.hold_out(14 * DAY)
    place = np.flatnonzero(np.isin(np.arange(len(some.polls.at)), held_places(some)))
    some.polls.active[place] ^= True
    assert (some.hold_out(14 * DAY).likelihoods == held.likelihoods).all()


def held_places(some: Fleet) -> np.ndarray:
    places = []
    for store in range(some.stores):
        of = np.flatnonzero(some.polls.store == store)
        places += of[1:-1:2].tolist()
    return np.array(places)
