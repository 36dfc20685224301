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


class Lengths(NamedTuple):
    """Of a piece of each gap, in hours: what of the gap is before it, its own, what is after it."""

    before: Float64
    piece: Float64
    after: Float64


class UpTime(NamedTuple):
    """The up time of pieces: mean (h), variance (h²); was it up, was it down at both their ends?

    `up_ends` and `down_ends` are probabilities, given the polls. Times exp(-λ·piece), and
    exp(-μ·piece), they are those of never down and never up.
    """

    mean: Float64
    variance: Float64
    up_ends: Float64
    down_ends: Float64


class Rates(NamedTuple):
    """Shares of up time π and speeds s (1/h) of chains: (chains,) each."""

    up: Float64
    speed: Float64


class Grid(NamedTuple):
    """Every share of up time with every speed (1/h): shares * speeds chains, by share."""

    shares: Float64
    speeds: Float64

    @property
    def rates(self) -> Rates:
        """Return the rates of all chains."""
        return Rates(
            np.repeat(self.shares, len(self.speeds)), np.tile(self.speeds, len(self.shares))
        )


def up_time(grid: Grid, kind: Int64, lengths: Lengths) -> UpTime:
    """Return the up time of n pieces, of positive length, of gaps: (n, chains) each."""
    # By kind and share: (6, shares) each.
    up = np.tile(grid.shares, (KINDS, 1))
    down, nothing, one = 1.0 - up[0], np.zeros_like(up[0]), np.ones_like(up[0])
    a1 = np.stack((down, down, -up[0], down, -up[0], nothing))
    c0 = np.stack((up[0], down, down, one, one, one))
    c1 = np.stack((down, -down, -down, nothing, nothing, nothing))
    both = np.stack((down, -down, up[0], nothing, nothing, nothing))

    # By speed: (speeds, n) each.
    speed = grid.speeds[:, None]
    first, last = np.exp(-speed * lengths.before), np.exp(-speed * lengths.after)
    passed = speed * lengths.piece
    left = -np.expm1(-passed)
    stays = 1.0 - left
    once, twice = left / passed, (passed - left) / passed**2
    thrice = (left - passed * stays) / passed**2

    def total(alone: Float64, *terms: tuple[Float64, Float64]) -> Float64:
        """Return the sum of the products of what depends on kind and share, and on speed."""
        found = np.repeat(of_kind(alone), len(speed), axis=1)
        for by_share, by_speed in terms:
            found += of_kind(by_share) * by_speed
        return found

    def of_kind(by_share: Float64) -> Float64:
        # Not by_share.T[:, kind]: that lies in memory the other way round.
        found: Float64 = np.take(by_share.T, kind, axis=1)[:, None]
        return found

    ends = first * last
    ac, ca, aa = a1 * c1, a1 * c0, up * c1
    share = 1.0 / total(c0, (both, ends * stays))
    mean = share * total(up * c0, (ca, first * once), (aa, last * once), (ac, ends * stays))
    square = share * total(
        up * up * c0,
        (2.0 * up * down * c0, twice),
        (2.0 * up * ca, first * twice),
        (2.0 * down * ca, first * thrice),
        (2.0 * up * aa, last * twice),
        (2.0 * down * aa, last * thrice),
        (2.0 * up * ac, ends * thrice),
        (down * ac, ends * stays),
    )
    variance = np.clip(square - mean * mean, 0.0, 0.25) * lengths.piece**2
    mean = np.clip(mean, 0.0, 1.0) * lengths.piece
    up_ends = share * total(up, (a1, first)) * total(c0, (c1, last))
    down_ends = share * total(1.0 - up, (-a1, first)) * total(c0, (-up / down * c1, last))
    chains = len(grid.shares) * len(speed)
    return UpTime(
        *(value.reshape(chains, len(kind)).T for value in (mean, variance, up_ends, down_ends))
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
