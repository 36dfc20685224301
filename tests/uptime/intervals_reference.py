"""The interval for uptime as docs/spec.md says it: one store, one gap, one pair of rates at a time.

Hours are floats here; instants are ints, µs since the epoch, as in reference.py.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import exp, lgamma, log, log1p, prod, sqrt

from tests.uptime.reference import HOUR, Correction, Interval, Poll

LEAST_MASS = 1e-9
MARGIN = 1e-6


@dataclass
class Gap:
    """[start, end) with the status at its ends, None where it is not known."""

    start: int
    end: int
    before: bool | None
    after: bool | None


@dataclass
class Rates:
    share: float
    speed: float

    def of(self, up: bool) -> float:
        return self.share if up else 1 - self.share

    def transition(self, before: bool, after: bool, hours: float) -> float:
        """The probability of a status so long after another."""
        stays = exp(-self.speed * hours)
        return self.of(after) + (stays if before == after else 0) - self.of(after) * stays


def gaps_of(polls: Sequence[Poll], opened: Sequence[Interval], since: int, as_of: int) -> list[Gap]:
    gaps = []
    for start, end in opened:
        own = sorted((at, up) for at, up in polls if start <= at < end and since <= at <= as_of)
        known = [(start, None), *own, (min(end, as_of), None)]
        gaps += [Gap(a, b, up, then) for (a, up), (b, then) in pairwise(known) if a < b]
    return gaps


@dataclass
class Moments:
    mean: float
    variance: float
    never_down: float
    never_up: float


def moments(gap: Gap, start: int, end: int, rates: Rates) -> Moments:
    """The up time of the piece [start, end) of a gap, in hours."""
    before, after = gap.before, gap.after
    c, w, d, whole = (
        (b - a) / HOUR
        for a, b in ((gap.start, start), (start, end), (end, gap.end), (gap.start, gap.end))
    )
    if before is None and after is not None:  # the mirror of what follows a last poll
        before, after, c, d = after, before, d, c
    pi, s = rates.share, rates.speed
    q = 1 - pi
    a0, a1 = {None: (pi, 0.0), True: (pi, q), False: (pi, -pi)}[before]
    c0, c1 = {None: (1.0, 0.0), True: (pi, q), False: (q, -q)}[after]
    b0, b1 = pi, q
    both = 1.0
    if before is not None and after is not None:
        both = rates.transition(before, after, whole)

    def at(first: float, last: float, up: bool) -> float:
        """P_a1(first)·P_1b(last), or P_a0·P_0b."""
        left = rates.of(up) if before is None else rates.transition(before, up, first)
        right = 1.0 if after is None else rates.transition(up, after, last)
        return left * right / both

    a1, c1 = a1 * exp(-s * c), c1 * exp(-s * d)
    e = exp(-s * w)
    mean = (a0 * c0 * w + (a0 * c1 + a1 * c0) * (1 - e) / s + a1 * c1 * w * e) / both
    square = (
        2
        * (
            a0 * b0 * c0 * w**2 / 2
            + (a1 * b0 * c0 + a0 * b1 * c0 + a0 * b0 * c1) * (w / s - (1 - e) / s**2)
            + (a1 * b1 * c0 + a1 * b0 * c1 + a0 * b1 * c1) * (1 - e * (1 + s * w)) / s**2
            + a1 * b1 * c1 * w**2 * e / 2
        )
        / both
    )
    return Moments(
        mean,
        square - mean**2,
        at(c, d, True) * exp(-q * s * w),
        at(c, d, False) * exp(-pi * s * w),
    )


def log_likelihood(
    polls: Sequence[Poll], opened: Sequence[Interval], since: int, as_of: int, rates: Rates
) -> float:
    total = 0.0
    for start, end in opened:
        own = sorted((at, up) for at, up in polls if start <= at < end and since <= at <= as_of)
        total += sum(log(rates.of(up)) for _, up in own[:1])
        for (a, before), (b, after) in pairwise(own):
            total += log(rates.transition(before, after, (b - a) / HOUR))
    return total


@dataclass
class Range:
    """Uptime in hours: `sure_up`, and what lies in gaps, with its distribution."""

    sure_up: float
    unsure: float
    mean: float
    square: float
    all_up: float
    all_down: float

    def beta(self) -> tuple[float, float, float]:
        """The mass between the atoms, and the Beta's parameters."""
        mass = 1 - self.all_up - self.all_down
        middle = min(max((self.mean / self.unsure - self.all_up) / mass, MARGIN), 1 - MARGIN)
        widest = middle * (1 - middle)
        variance = (self.square / self.unsure**2 - self.all_up) / mass - middle**2
        precision = widest / min(max(variance, widest * MARGIN), widest * (1 - MARGIN)) - 1
        return mass, middle * precision, (1 - middle) * precision

    def at_most(self, hours: float) -> float:
        """The probability of this uptime or less."""
        share = (hours - self.sure_up) / self.unsure if self.unsure else 1.0
        if share < 0:
            return 0.0
        if share >= 1:
            return 1.0
        if 1 - self.all_up - self.all_down <= LEAST_MASS:
            return self.all_down
        mass, a, b = self.beta()
        return self.all_down + mass * beta_at_most(a, b, share)


def interval(
    polls: Sequence[Poll],
    opened: Sequence[Interval],
    corrections: Sequence[Correction],
    window: Interval,
    *,
    since: int,
    as_of: int,
    grid: Sequence[Rates],
    prior: Sequence[float],
) -> Range:
    logs = [log_likelihood(polls, opened, since, as_of, rates) for rates in grid]
    weights = [p * exp(one - max(logs)) for p, one in zip(prior, logs, strict=True)]
    weights = [weight / sum(weights) for weight in weights]
    unsure = sure_up = 0
    pieces: list[tuple[Gap, int, int]] = []
    for gap in gaps_of(polls, opened, since, as_of):
        edges = [gap.start, gap.end, *window, *(edge for one in corrections for edge in one[:2])]
        for a, b in pairwise(sorted({edge for edge in edges if gap.start <= edge <= gap.end})):
            if not (window[0] <= a and b <= window[1]):
                continue
            said = [treat_as for start, end, treat_as in corrections if start <= a and b <= end]
            if not said:
                pieces.append((gap, a, b))
                unsure += b - a
            elif said[-1] == "up":
                sure_up += b - a
    mean = square = all_up = all_down = 0.0
    for weight, rates in zip(weights, grid, strict=True):
        found = [moments(gap, a, b, rates) for gap, a, b in pieces]
        total = sum(one.mean for one in found)
        mean += weight * total
        square += weight * (sum(one.variance for one in found) + total**2)
        all_up += weight * prod(one.never_down for one in found)
        all_down += weight * prod(one.never_up for one in found)
    return Range(sure_up / HOUR, unsure / HOUR, mean, square, all_up, all_down)


def beta_at_most(a: float, b: float, share: float) -> float:
    """The integral of the density of Beta(a, b) up to a share, over its logit: Simpson's rule."""
    if not 0 < share < 1:
        return float(share >= 1)
    top, spread = log(a / b), sqrt(1 / a + 1 / b)
    low, high = top - 12 * (spread + 3 / a), top + 12 * (spread + 3 / b)
    logit = log(share) - log1p(-share)

    def density(at: float) -> float:
        # exp of it twice is too much for large parameters: take the logarithms first.
        sides = a * _log1pexp(-at) + b * _log1pexp(at)
        return exp(lgamma(a + b) - lgamma(a) - lgamma(b) - sides)

    def integral(start: float, end: float) -> float:
        steps = 3000
        width = (end - start) / steps
        odd = sum(density(start + n * width) for n in range(1, steps, 2))
        even = sum(density(start + n * width) for n in range(2, steps, 2))
        return (density(start) + 4 * odd + 2 * even + density(end)) * width / 3

    below = integral(low, min(max(logit, low), top)) if logit > low else 0.0
    above = integral(top, min(logit, high)) if logit > top else 0.0
    return below + above


def _log1pexp(x: float) -> float:
    return max(x, 0.0) + log1p(exp(-abs(x)))
