"""Quantiles of Beta distributions, many at once.

SciPy has them too, for 24 MB and 0.2 s in each child process. What is found for one distribution
does not depend on those it is computed with, to the last bit: each stops at its own pace.
"""

import numpy as np

from openhours.uptime.axis import Bool, Float64, Int64

_SHIFT = 8  # Stirling's series is exact from here on
_TINY = 1e-300
_MAX_TERMS = 2_000
_TERM = 1e-10
_MAX_STEPS = 100
_STEP = 1e-5  # of the logit; steps are of third order, so the error is far below it
_FARTHEST = 690.0  # the logit of 1e-300


def log_gamma(x: Float64) -> Float64:
    """Return ln Γ(x) for x > 0."""
    product = x.copy()
    for n in range(1, _SHIFT):
        product *= x + n
    far = x + _SHIFT
    square = 1.0 / far**2
    series = (1 / 12 - square * (1 / 360 - square * (1 / 1260 - square / 1680))) / far
    log: Float64 = (far - 0.5) * np.log(far) - far + 0.5 * np.log(2 * np.pi) + series
    return log - np.log(product)


def beta_quantile(a: Float64, b: Float64, probability: Float64) -> Float64:
    """Return x with P(X <= x) = probability for X of Beta(a, b), a and b > 0: (n,) from (n,)."""
    # The nearer tail, for there the probability is exact however small.
    flipped = probability > 0.5
    a, b = np.where(flipped, b, a), np.where(flipped, a, b)
    tail = np.where(flipped, 1.0 - probability, probability)
    log_beta = log_gamma(a) + log_gamma(b) - log_gamma(a + b)
    log_wanted = np.log(np.maximum(tail, _TINY))
    logit = _first_guess(a, b, log_wanted, log_beta)
    low, high = np.full_like(logit, -_FARTHEST), np.full_like(logit, _FARTHEST)
    active = np.arange(len(a))
    for _ in range(_MAX_STEPS):
        if not len(active):
            break
        at = logit[active]
        log_tail, hazard = _tail(a[active], b[active], log_beta[active], at)
        off = log_tail - log_wanted[active]
        low[active] = np.where(off < 0, at, low[active])
        high[active] = np.where(off < 0, high[active], at)
        bend = a[active] - (a[active] + b[active]) * _logistic(at) - hazard
        to = at - _halley(off, hazard, bend)
        inside = (low[active] <= to) & (to <= high[active])
        to = np.where(inside, to, (low[active] + high[active]) / 2)
        logit[active] = to
        active = active[np.abs(to - at) > _STEP]
    return np.where(flipped, _logistic(-logit), _logistic(logit))


def _logistic(logit: Float64) -> Float64:
    return 1.0 / (1.0 + np.exp(-logit))


def _halley(off: Float64, slope: Float64, bend: Float64) -> Float64:
    """Return the step to where a concave function is 0; its second derivative is slope * bend."""
    slope = np.maximum(slope, _TINY)
    step = off / slope
    return step / np.clip(1.0 - step * bend / 2, 0.5, 2.0)


def _first_guess(a: Float64, b: Float64, log_tail: Float64, log_beta: Float64) -> Float64:
    """Return about the logit of a quantile below the median: Abramowitz and Stegun 26.5.22.

    Or, of a density without a hump, the power of x that its tail is like.
    """
    power = (log_tail + np.log(a) + log_beta) / a
    root = np.sqrt(-2.0 * log_tail)
    y = root - (2.30753 + 0.27061 * root) / (1.0 + root * (0.99229 + 0.04481 * root))
    one, two = (1.0 / np.maximum(2.0 * side - 1.0, 1.0) for side in (a, b))
    mean = 2.0 / (one + two)
    third = (y * y - 3.0) / 6.0
    w = y * np.sqrt(mean + third) / mean - (two - one) * (third + 5 / 6 - 2.0 / (3.0 * mean))
    hump = np.log(a / b) - 2.0 * w
    guess = np.where((a > 1.0) & (b > 1.0), hump, power)
    return np.clip(guess, -_FARTHEST / 2, _FARTHEST / 2)


def _tail(a: Float64, b: Float64, log_beta: Float64, logit: Float64) -> tuple[Float64, Float64]:
    """Return ln P(X <= x), and its derivative by the logit of x."""
    x, rest = _logistic(logit), _logistic(-logit)
    log_density = -a * np.log1p(np.exp(-logit)) - b * np.log1p(np.exp(logit)) - log_beta
    # The fraction converges fast on one side of the mean; beyond it, that of the other tail.
    near = x * (a + b + 2.0) < a + 1.0
    fraction = _fraction(np.where(near, a, b), np.where(near, b, a), np.where(near, x, rest))
    log_tail = np.where(near, log_density + np.log(fraction / a), 0.0)
    beyond = np.exp(log_density[~near]) * fraction[~near] / b[~near]
    log_tail[~near] = np.log1p(-np.minimum(beyond, 1.0 - 1e-16))
    return log_tail, np.exp(log_density - log_tail)


def _fraction(a: Float64, b: Float64, x: Float64) -> Float64:
    """Return the continued fraction of I_x(a, b), without x^a (1-x)^b / (a B(a, b)): Lentz."""
    found = np.empty_like(x)
    place: Int64 = np.arange(len(x))
    c = np.ones_like(x)
    d = 1.0 / (1.0 - (a + b) * x / (a + 1.0))
    value = d.copy()
    done: Bool = np.zeros(len(x), np.bool_)
    for m in range(1, _MAX_TERMS):
        twice = a + 2.0 * m
        even = m * (b - m) * x / ((twice - 1.0) * twice)
        odd = -(a + m) * (a + b + m) * x / (twice * (twice + 1.0))
        change = np.ones_like(x)
        for term in (even, odd):
            d = 1.0 / _not_nothing(1.0 + term * d)
            c = _not_nothing(1.0 + term / c)
            change *= c * d
        value = np.where(done, value, value * change)
        done |= np.abs(change - 1.0) < _TERM
        if 2 * np.count_nonzero(done) > len(done):
            found[place[done]] = value[done]
            more = ~done
            a, b, x, c, d, value = (column[more] for column in (a, b, x, c, d, value))
            place, done = place[more], done[more]
            if not len(place):
                break
    found[place] = value
    return found


def _not_nothing(value: Float64) -> Float64:
    return np.where(np.abs(value) < _TINY, _TINY, value)
