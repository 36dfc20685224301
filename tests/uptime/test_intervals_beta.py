"""Quantiles of Beta distributions."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from openhours.uptime.axis import Float64
from openhours.uptime.intervals.beta import beta_quantile, log_gamma
from tests.uptime.intervals_reference import beta_at_most

PROBABILITIES = np.array([1e-9, 0.01, 0.05, 0.3, 0.5, 0.77, 0.95, 0.999999])


def quantiles(a: float, b: float) -> Float64:
    return beta_quantile(
        np.full_like(PROBABILITIES, a), np.full_like(PROBABILITIES, b), PROBABILITIES
    )


def test_log_gamma_is_the_standard_library_s() -> None:
    x = np.geomspace(1e-7, 1e7, 500)
    expected = [math.lgamma(one) for one in x.tolist()]
    assert log_gamma(x) == pytest.approx(expected, rel=1e-10, abs=1e-10)


@pytest.mark.parametrize("c", [0.02, 0.5, 1.0, 3.0, 400.0])
def test_of_powers(c: float) -> None:
    assert quantiles(c, 1.0) == pytest.approx(PROBABILITIES ** (1 / c), rel=1e-8)
    assert 1 - quantiles(1.0, c) == pytest.approx((1 - PROBABILITIES) ** (1 / c), rel=1e-7)


def test_of_the_arcsine() -> None:
    assert quantiles(0.5, 0.5) == pytest.approx(np.sin(PROBABILITIES * np.pi / 2) ** 2, rel=1e-8)


parameters = st.floats(math.log(0.02), math.log(1e6)).map(math.exp)


@pytest.mark.slow
@settings(max_examples=60, deadline=None)
@given(parameters, parameters, st.floats(0.0005, 0.9995))
def test_of_any_by_integration(a: float, b: float, probability: float) -> None:
    share = beta_quantile(np.array([a]), np.array([b]), np.array([probability])).item()
    assert 0 <= share <= 1
    # Nearer to 1 the next double is another probability.
    if 1e-12 < share < 1 - 1e-9:
        assert beta_at_most(a, b, share) == pytest.approx(probability, abs=1e-6)


@pytest.mark.slow
def test_each_is_the_same_to_the_last_bit_alone_and_among_others() -> None:
    chance = np.random.default_rng(1)
    a, b = np.exp(chance.uniform(-3, 9, (2, 500)))
    p = chance.random(500)
    together = beta_quantile(a, b, p)
    order = chance.permutation(500)
    assert (beta_quantile(a[order], b[order], p[order]) == together[order]).all()
    alone = [beta_quantile(a[n : n + 1], b[n : n + 1], p[n : n + 1]).item() for n in range(500)]
    assert alone == together.tolist()


def test_of_none() -> None:
    none = np.empty(0)
    assert len(beta_quantile(none, none, none)) == 0
