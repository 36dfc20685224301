"""Moments of the up time in a gap: against integrals, and against chains that were let run."""

from collections.abc import Callable
from functools import cache

import numpy as np
import pytest

from openhours.uptime.axis import Bool, Float64
from openhours.uptime.intervals import bridge
from openhours.uptime.intervals.bridge import (
    DOWN,
    DOWN_DOWN,
    FREE,
    KINDS,
    UP,
    UP_DOWN,
    UP_UP,
    Grid,
    Lengths,
    Rates,
    UpTime,
)

pytestmark = pytest.mark.slow

STARTS = {UP_UP: True, UP_DOWN: True, DOWN_DOWN: False, UP: True, DOWN: False, FREE: None}
ENDS = {UP_UP: True, UP_DOWN: False, DOWN_DOWN: False, UP: None, DOWN: None, FREE: None}
NAMES = ["up to up", "up to down", "down to down", "up", "down", "free"]
kinds = pytest.mark.parametrize("kind", range(KINDS), ids=NAMES)
chains = pytest.mark.parametrize("share, speed", [(0.9, 0.7), (0.999, 0.05), (0.3, 4.0)])
pieces = pytest.mark.parametrize(
    "piece", [(0.0, 1.0, 0.0), (0.4, 0.5, 0.0), (0.0, 0.2, 2.0), (1.5, 3.0, 0.25)]
)


def found(kind: int, piece: tuple[float, float, float], share: float, speed: float) -> UpTime:
    lengths = Lengths(*(np.array([hours]) for hours in piece))
    grid = Grid(np.array([share]), np.array([speed]))
    return UpTime(*(value[0, 0] for value in bridge.up_time(grid, np.array([kind]), lengths)))


def at_ends(
    up: bool, kind: int, piece: tuple[float, float, float], share: float, speed: float
) -> float:
    lengths = Lengths(*(np.array([hours]) for hours in piece))
    grid = Grid(np.array([share]), np.array([speed]))
    likely = bridge.up_at_ends if up else bridge.down_at_ends
    return float(likely(grid, np.array([kind]), lengths)[0, 0])


def transition(share: float, speed: float) -> Callable[[bool | None, bool, Float64], Float64]:
    def probability(before: bool | None, after: bool, hours: Float64) -> Float64:
        of = share if after else 1 - share
        stays = 0 if before is None else np.exp(-speed * hours)
        return np.asarray(of + ((before == after) - of) * stays)

    return probability


@kinds
@chains
@pieces
def test_moments_are_integrals_over_one_and_two_instants(
    kind: int, piece: tuple[float, float, float], share: float, speed: float
) -> None:
    before, length, after = piece
    p = transition(share, speed)
    a, b = STARTS[kind], ENDS[kind]

    def to_end(hours: Float64) -> Float64:
        return np.ones_like(hours) if b is None else p(True, b, hours)

    both = 1.0 if b is None else p(a, b, np.array(sum(piece)))
    node, weight = np.polynomial.legendre.leggauss(60)
    u, du = (node + 1) / 2 * length, weight / 2 * length
    mean = np.sum(p(a, True, before + u) * to_end(length - u + after) * du) / both
    # v from u to the end of the piece.
    v = u[:, None] + (node + 1) / 2 * (length - u)[:, None]
    dv = weight / 2 * (length - u)[:, None]
    inner = np.sum(p(True, True, v - u[:, None]) * to_end(length - v + after) * dv, axis=1)
    square = 2 * np.sum(p(a, True, before + u) * inner * du) / both

    got = found(kind, piece, share, speed)
    assert got.mean == pytest.approx(mean, abs=1e-9)
    assert got.variance == pytest.approx(square - mean**2, abs=1e-9)


@kinds
@chains
@pieces
def test_a_store_is_never_down_or_never_up_as_often_as_its_ends_and_rates_allow(
    kind: int, piece: tuple[float, float, float], share: float, speed: float
) -> None:
    before, length, after = piece
    p = transition(share, speed)
    a, b = STARTS[kind], ENDS[kind]
    both = 1.0 if b is None else p(a, b, np.array(sum(piece)))
    for up, rate, ends in (
        (True, (1 - share) * speed, at_ends(True, kind, piece, share, speed)),
        (False, share * speed, at_ends(False, kind, piece, share, speed)),
    ):
        end = 1.0 if b is None else p(up, b, np.array(after))
        expected = p(a, up, np.array(before)) * np.exp(-rate * length) * end / both
        assert ends * np.exp(-rate * length) == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize("share, speed", [(0.8, 1.0), (0.4, 3.0)])
@pytest.mark.parametrize("kind", [UP_UP, UP_DOWN, DOWN_DOWN, UP, FREE], ids=str)
def test_moments_are_those_of_chains_that_run(kind: int, share: float, speed: float) -> None:
    piece = (0.3, 0.9, 0.2)
    start, up_time, never_down, never_up, end = _run(share, speed, piece)
    some = np.ones_like(start)
    if STARTS[kind] is not None:
        some &= start == STARTS[kind]
    if ENDS[kind] is not None:
        some &= end == ENDS[kind]
    got = found(kind, piece, share, speed)
    assert got.mean == pytest.approx(up_time[some].mean(), abs=1e-3)
    assert got.variance == pytest.approx(up_time[some].var(), abs=1e-3)
    all_up, all_down = np.exp(-speed * piece[1] * np.array([1 - share, share]))
    begins_up, begins_down = (at_ends(up, kind, piece, share, speed) for up in (True, False))
    assert begins_up * all_up == pytest.approx(never_down[some].mean(), abs=2e-3)
    assert begins_down * all_down == pytest.approx(never_up[some].mean(), abs=2e-3)


@cache
def _run(
    share: float, speed: float, piece: tuple[float, float, float]
) -> tuple[Bool, Float64, Bool, Bool, Bool]:
    """Two million chains: start, up time in the piece, was it all, was it nothing, end."""
    chance = np.random.default_rng(20230116)
    count = 2_000_000
    first, last, whole = piece[0], piece[0] + piece[1], sum(piece)
    up = chance.random(count) < share
    start, end = up.copy(), up.copy()
    at, up_time = np.zeros((2, count))
    running = np.arange(count)
    while len(running):
        rate = speed * np.where(up[running], 1 - share, share)
        until = at[running] + chance.exponential(1 / rate)
        inside = np.minimum(until, last) - np.maximum(at[running], first)
        up_time[running] += up[running] * np.maximum(inside, 0)
        end[running] = up[running]
        at[running] = until
        up[running] ^= True
        running = running[until < whole]
    return start, up_time, up_time >= piece[1] - 1e-12, up_time <= 0, end


def test_a_gap_of_a_microsecond_has_moments_that_are_numbers() -> None:
    for kind in range(KINDS):
        for share, speed in ((0.9999, 0.01), (0.05, 60.0)):
            got = found(kind, (0.0, 1 / 3.6e9, 0.0), share, speed)
            assert 0 <= got.mean <= 1 / 3.6e9
            assert 0 <= got.variance <= (1 / 3.6e9) ** 2
            assert np.isfinite(got).all()


def test_the_likelihood_of_a_gap_is_its_transition() -> None:
    share, speed, hours = 0.8, 0.5, np.array([0.1, 1.0, 30.0])
    p = transition(share, speed)
    rates = Rates(np.array([share]), np.array([speed]))
    for kind, factor in ((UP_UP, 1.0), (UP_DOWN, 1 - share), (DOWN_DOWN, 1.0)):
        start, end = STARTS[kind], ENDS[kind]
        assert end is not None
        got = bridge.log_likelihood(rates, np.full(3, kind), hours)[:, 0]
        assert np.exp(got) * factor == pytest.approx(p(start, end, hours), rel=1e-12)
    # From down to up is the mirror: what it lacks is π instead of 1 - π.
    got = bridge.log_likelihood(rates, np.full(3, UP_DOWN), hours)[:, 0]
    assert np.exp(got) * share == pytest.approx(p(False, True, hours), rel=1e-12)
