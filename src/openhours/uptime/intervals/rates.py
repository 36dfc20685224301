"""How fast stores go down and come up: likelihood on a grid, the fleet's prior, posteriors.

The likelihood is that of panel data (Kalbfleisch and Lawless, 1985): each opening begins in
(π, 1 - π), so its first poll counts with that, each further one with its transition.
"""

from functools import cache

import numpy as np
from numpy.typing import NDArray

from openhours.uptime.axis import Float64, Int64
from openhours.uptime.fill import Counted, Observations
from openhours.uptime.intervals import bridge, cells
from openhours.uptime.intervals.bridge import Grid
from openhours.uptime.intervals.cells import Cells
from openhours.uptime.intervals.gaps import between_polls

_LOGITS = np.linspace(-2.5, 7.5, 12)
_SPEEDS = np.geomspace(1 / 32, 12.0, 6)
_SHARES: Float64 = 1.0 / (1.0 + np.exp(-_LOGITS))
BY_SHARE = Grid(_SHARES, _SPEEDS)
GRID = BY_SHARE.rates
POINTS = len(GRID.up)
FLAT: Float64 = np.full(POINTS, 1.0 / POINTS)

_BITS = 30
_CHUNK = 256  # stores at once
_ROUNDS = 30
_DECIMALS = 9


def turns(observations: Observations, counted: Counted) -> Int64:
    """Return how many factors π and 1 - π the likelihood of each store has: (stores, 2).

    One for the first poll of each opening, and what `bridge.log_likelihood` leaves out.
    """
    later = np.flatnonzero(counted.together)
    up = observations.active
    turned = later[up[later] != up[later - 1]]
    polls = np.concatenate((counted.first[counted.own], turned))
    key = 2 * observations.store[polls] + ~up[polls]
    return np.bincount(key, minlength=2 * counted.stores).reshape(counted.stores, 2)


def likelihoods_of(observations: Observations, counted: Counted) -> Float64:
    """Return the likelihood of the polls that count, 1 where it is greatest: (stores, POINTS)."""
    counter = cells.Counter([between_polls(observations, counted)], counted.stores)
    return likelihood(counter.count([slice(None)]), turns(observations, counted))


def likelihood(between: Cells, turned: Int64) -> Float64:
    """Return the likelihood of each store's polls, 1 where it is greatest: (stores, POINTS).

    `between` are the gaps between two polls; `turned` is as from `turns`.
    """
    shares = np.rint(np.log(np.stack((GRID.up, 1.0 - GRID.up))) * 2.0**_BITS) * 2.0**-_BITS
    logs = turned @ shares
    order = np.argsort(between.longest(), kind="stable")
    for first in range(0, len(order), _CHUNK):
        chunk = order[first : first + _CHUNK]
        logs[chunk] += between.times(chunk, _log_likelihoods())
    likelihoods: Float64 = np.exp(logs - logs.max(axis=1, keepdims=True))
    return likelihoods


@cache
def _log_likelihoods() -> Float64:
    """Return the table of the logarithms that the likelihood of gaps is summed up from."""
    return cells.table(bridge.log_likelihood(GRID, *cells.nodes()), _BITS)


def fit_prior(likelihoods: Float64) -> Float64:
    """Return the prior under which these stores are likeliest, by EM: (POINTS,).

    `likelihoods` is (stores, POINTS). One store more, of which nothing is known, keeps every point
    possible.
    """
    prior = FLAT
    for _ in range(_ROUNDS):
        found = prior * ((1.0 / (likelihoods @ prior)) @ likelihoods)
        prior = (found + 1.0 / POINTS) / (len(likelihoods) + 1)
    # The last digits depend on the machine.
    return np.round(prior, _DECIMALS)


def posterior(likelihoods: NDArray[np.float32], prior: Float64) -> Float64:
    """Return how likely each point of the grid is for stores: (stores, POINTS), sums of 1."""
    weights = likelihoods * prior
    weights /= weights.sum(axis=1, keepdims=True)
    return weights
