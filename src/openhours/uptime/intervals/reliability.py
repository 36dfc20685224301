"""Does what the model says come true? Every second poll, predicted from the others.

    polls      A     A     I     I     A
    kept       A           I           A      these tell the rates, and what is said of the others
    held out         ?           ?            said: how likely up; was: up or not

Where 30 % was said, about 30 % should have been up: polls are counted in ten bins of what was said.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from openhours.times import HOUR
from openhours.uptime.axis import Bool, Float64, Int64
from openhours.uptime.fill import Counted, Observations, count_polls
from openhours.uptime.hours import Intervals
from openhours.uptime.intervals import rates
from openhours.uptime.intervals.rates import BY_SHARE, POINTS

BINS = 10
SCALE = 1_000_000  # what was said is summed up in millionths, exactly
_CHUNK = 256  # polls: what is computed of them at once stays in the processor's cache


@dataclass(frozen=True)
class HeldOut:
    """Polls held out of n stores: (m,) each, sorted by store; and what the others say.

    `likelihoods` (n, POINTS); `before`, `after` in h since and until the polls around it, which
    were up or not (`from_up`, `to_up`); `up`, what it was itself.
    """

    likelihoods: NDArray[np.float32]
    store: Int64
    before: Float64
    after: Float64
    from_up: Bool
    to_up: Bool
    up: Bool


def hold_out(
    observations: Observations, open_time: Intervals, *, stores: int, as_of: int, lookback: int
) -> HeldOut:
    """Hold every second poll of each opening out, those that have one after them.

    The arguments are those of `fill.count_polls`.
    """
    stretch = {"stores": stores, "as_of": as_of, "lookback": lookback}
    counted = count_polls(observations, open_time, **stretch)
    held = _every_second(counted, len(observations.at))
    kept = Observations(*(column[~held] for column in vars(observations).values()))
    counted = count_polls(kept, open_time, **stretch)
    at, up, place = observations.at, observations.active, np.flatnonzero(held)
    return HeldOut(
        likelihoods=rates.likelihoods_of(kept, counted).astype(np.float32),
        store=observations.store[place],
        before=(at[place] - at[place - 1]) / HOUR,
        after=(at[place + 1] - at[place]) / HOUR,
        from_up=up[place - 1],
        to_up=up[place + 1],
        up=up[place],
    )


def _every_second(counted: Counted, polls: int) -> Bool:
    """Return which are held out: an opening's second, fourth … poll, not its last one."""
    held = np.zeros(polls, np.bool_)
    count = (counted.beyond - counted.first)[counted.own]
    first = np.repeat(counted.first[counted.own], count)
    rank = np.arange(len(first)) - np.repeat(np.cumsum(count) - count, count)
    held[(first + rank)[(rank % 2 == 1) & (rank < np.repeat(count, count) - 1)]] = True
    return held


def reliability(held: HeldOut, prior: Float64) -> Int64:
    """Return of each bin what was said, in millionths, how many were up, and how many: (10, 3)."""
    weights = rates.posterior(held.likelihoods, prior)
    table = np.zeros((BINS, 3), np.int64)
    for first in range(0, len(held.store), _CHUNK):
        chunk = slice(first, first + _CHUNK)
        said = _said(held, chunk, weights[held.store[chunk]])
        millionths = np.rint(said * SCALE).astype(np.int64)
        place = np.minimum(millionths * BINS // SCALE, BINS - 1)
        np.add.at(table[:, 0], place, millionths)
        np.add.at(table[:, 1], place, held.up[chunk])
        np.add.at(table[:, 2], place, 1)
    return table


def _said(held: HeldOut, chunk: slice, weights: Float64) -> Float64:
    """Return how likely up each poll was held to be, given those around it."""
    # By share, (shares, 1, 1) and (shares, 1, polls); by speed, (speeds, polls).
    up, speed = BY_SHARE.shares[:, None, None], BY_SHARE.speeds[:, None]
    from_up, to_up = held.from_up[chunk], held.to_up[chunk]
    stays, later = np.exp(-speed * held.before[chunk]), np.exp(-speed * held.after[chunk])
    to_it = up + np.where(from_up, 1.0 - up, -up) * stays
    end = np.where(to_up, up, 1.0 - up)
    from_it = end + np.where(to_up, 1.0 - up, up - 1.0) * later
    both = end + np.where(from_up == to_up, 1.0 - end, -end) * (stays * later)
    given = (to_it * from_it / both).reshape(POINTS, -1)
    said: Float64 = (weights * np.ascontiguousarray(given.T)).sum(axis=1)
    return np.clip(said, 0.0, 1.0)
