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
    """The up time of pieces: mean (h) and variance (h²)."""

    mean: Float64
    variance: Float64


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


class _Forms:
    """The probabilities above, of n pieces: A1, C0, C1 by kind and share, exponentials by speed."""

    def __init__(self, grid: Grid, kind: Int64, lengths: Lengths) -> None:
        # By kind and share: (6, shares) each.
        self.up = up = np.tile(grid.shares, (KINDS, 1))
        self.down = down = 1.0 - up
        nothing, one = np.zeros_like(up[0]), np.ones_like(up[0])
        self.a1 = np.stack((down[0], down[0], -up[0], down[0], -up[0], nothing))
        self.c0 = np.stack((up[0], down[0], down[0], one, one, one))
        self.c1 = np.stack((down[0], -down[0], -down[0], nothing, nothing, nothing))
        # By speed: (speeds, n) each.
        self.speed = grid.speeds[:, None]
        self.first = np.exp(-self.speed * lengths.before)
        self.last = np.exp(-self.speed * lengths.after)
        self.left = -np.expm1(-self.speed * lengths.piece)
        self.ends = self.first * self.last
        self._kind = kind
        both = np.stack((down[0], -down[0], up[0], nothing, nothing, nothing))
        self.share = 1.0 / self.total(self.c0, (both, self.ends * (1.0 - self.left)))

    def total(self, alone: Float64, *terms: tuple[Float64, Float64]) -> Float64:
        """Return a sum of products of what depends on kind and share, and what does on speed."""
        found = np.repeat(self._of_kind(alone), len(self.speed), axis=1)
        for by_share, by_speed in terms:
            found += self._of_kind(by_share) * by_speed
        return found

    def _of_kind(self, by_share: Float64) -> Float64:
        # Not by_share.T[:, kind]: that lies in memory the other way round.
        found: Float64 = np.take(by_share.T, self._kind, axis=1)[:, None]
        return found


def up_time(grid: Grid, kind: Int64, lengths: Lengths) -> UpTime:
    """Return the up time of n pieces, of positive length, of gaps: (n, chains) each."""
    of = _Forms(grid, kind, lengths)
    up, down, c0, first, last, ends = of.up, of.down, of.c0, of.first, of.last, of.ends
    passed, stays = of.speed * lengths.piece, 1.0 - of.left
    once, twice = of.left / passed, (passed - of.left) / passed**2
    thrice = (of.left - passed * stays) / passed**2
    ac, ca, aa = of.a1 * of.c1, of.a1 * c0, up * of.c1
    mean = of.share * of.total(up * c0, (ca, first * once), (aa, last * once), (ac, ends * stays))
    square = of.share * of.total(
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
    return UpTime(*(value.reshape(-1, len(kind)).T for value in (mean, variance)))


def up_at_ends(grid: Grid, kind: Int64, lengths: Lengths) -> Float64:
    """Return how likely n pieces of gaps begin and end up, given the polls: (n, chains).

    Times exp(-λ·piece), that they are never down.
    """
    of = _Forms(grid, kind, lengths)
    both = of.share * of.total(of.up, (of.a1, of.first)) * of.total(of.c0, (of.c1, of.last))
    return both.reshape(-1, len(kind)).T


def down_at_ends(grid: Grid, kind: Int64, lengths: Lengths) -> Float64:
    """Return how likely n pieces of gaps begin and end down, given the polls: (n, chains).

    Times exp(-μ·piece), that they are never up.
    """
    of = _Forms(grid, kind, lengths)
    c1 = -of.up / of.down * of.c1
    both = of.share * of.total(of.down, (-of.a1, of.first)) * of.total(of.c0, (c1, of.last))
    return both.reshape(-1, len(kind)).T


def log_likelihood(rates: Rates, kind: Int64, gap: Float64) -> Float64:
    """Return the logarithm of the poll after each gap, given that before it: (n, chains).

    `kind` is UP_UP, UP_DOWN or DOWN_DOWN, `gap` in h. From up to down without its factor 1 - π,
    so that the mirrored gap has the same.
    """
    gone = -np.expm1(-rates.speed * gap[:, None])
    kind, up = kind[:, None], rates.up
    same = 1.0 - np.where(kind == UP_UP, 1.0 - up, up) * gone
    return np.log(np.where(kind == UP_DOWN, gone, same))
