"""What can have happened in a gap between two polls: moments and extremes of its up time.

Within open time a store is a two-state Markov chain: it goes down at rate (1 - π)·s and comes up at
rate π·s, so that `π` is its share of up time and `1/s` the time in which it forgets. What is asked
for is the up time of a piece of a gap, given the polls at the gap's ends:

    poll a                                    poll b
      |---- before ----|##### piece #####|--- after ---|

With P_a1(u) = A0 + A1·exp(-su), the probability to be up at u after poll a, P_1b(v) = C0 +
C1·exp(-sv), that of poll b at v after being up, and π + (1 - π)·exp(-su) from up to up, the moments
are integrals over one and two instants of the piece (Hobolth and Jensen, 2011).

The chain is reversible: a gap of which only the end is known is one of which only the start is
known, looked at from the other side.
"""

from typing import NamedTuple

import numpy as np

from openhours.uptime.axis import Float64, Int64

# From up to up; from up to down, or mirrored; from down to down; from up and from down to an end
# that is not known; a whole opening without a poll.
UP_UP, UP_DOWN, DOWN_DOWN, UP, DOWN, FREE = range(6)
KINDS = 6

# No logarithm is less: its exponential is nothing, and sums of it stay numbers.
_NEVER = -100.0
_NOTHING = np.exp(_NEVER)


class Lengths(NamedTuple):
    """Of a piece of each gap, in hours: what of the gap is before it, its own, what is after it."""

    before: Float64
    piece: Float64
    after: Float64


class UpTime(NamedTuple):
    """The up time of pieces: mean (h), variance (h²), logarithms of "never down" and "never up"."""

    mean: Float64
    variance: Float64
    never_down: Float64
    never_up: Float64


class Rates(NamedTuple):
    """Shares of up time π and speeds s (1/h) of chains: (chains,) each."""

    up: Float64
    speed: Float64


def up_time(rates: Rates, kind: Int64, lengths: Lengths) -> UpTime:
    """Return the up time of n pieces, of positive length, of gaps: (n, chains) each."""
    up, speed = rates
    down, nothing, one = 1.0 - up, np.zeros_like(up), np.ones_like(up)
    # By kind: (6, chains) each.
    a1_whole = np.stack((down, down, -up, down, -up, nothing))
    c0_of = np.stack((up, down, down, one, one, one))
    c1_whole = np.stack((down, -down, -down, nothing, nothing, nothing))
    both_whole = np.stack((down, -down, up, nothing, nothing, nothing))

    before, piece, after = (hours[:, None] for hours in lengths)
    to_first, to_last, passed = np.exp(-speed * before), np.exp(-speed * after), speed * piece
    left = -np.expm1(-passed)
    stays = 1.0 - left
    once, twice = left / passed, (passed - left) / passed**2
    thrice = (left - passed * stays) / passed**2

    a1, c0, c1 = a1_whole[kind] * to_first, c0_of[kind], c1_whole[kind] * to_last
    both = 1.0 / (c0 + both_whole[kind] * (to_first * stays * to_last))
    ac, ca, aa = a1 * c1 * stays, a1 * c0, up * c1
    mean = (up * c0 + (aa + ca) * once + ac) * both
    square = (
        up * (up * c0 + 2.0 * (ca + down * c0 + aa) * twice)
        + 2.0 * (down * (ca + aa) + up * a1 * c1) * thrice
        + down * ac
    ) * both
    variance = np.clip(square - mean * mean, 0.0, 0.25)
    return UpTime(
        np.clip(mean, 0.0, 1.0) * piece,
        variance * piece**2,
        _log((up + a1) * (c0 + c1) * both) - down * passed,
        _log((down - a1) * (c0 - up / down * c1) * both) - up * passed,
    )


def log_likelihood(rates: Rates, kind: Int64, gap: Float64) -> Float64:
    """Return the logarithm of the poll after each gap, given that before it: (n, chains).

    `kind` is UP_UP, UP_DOWN or DOWN_DOWN, `gap` in h. From up to down without its factor 1 - π,
    so that the mirrored gap has the same.
    """
    gone = -np.expm1(-rates.speed * gap[:, None])
    kind, up = kind[:, None], rates.up
    same = 1.0 - np.where(kind == UP_UP, 1.0 - up, up) * gone
    return np.log(np.where(kind == UP_DOWN, gone, same))


def _log(probability: Float64) -> Float64:
    return np.log(np.maximum(probability, _NOTHING))
