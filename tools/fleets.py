"""Simulated fleets: stores whose truth is known, seen through polls an hour or so apart."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from openhours.times import DAY, HOUR, MINUTE
from openhours.uptime.axis import Float64, Int64
from openhours.uptime.fill import Counted, Observations, count_polls, polled
from openhours.uptime.hours import Intervals
from openhours.uptime.intervals.mixture import Evidence, evidence, ranges
from openhours.uptime.intervals.rates import fit_prior
from openhours.uptime.intervals.reliability import HeldOut, hold_out
from openhours.uptime.segments import Filled
from openhours.uptime.totals import figures
from openhours.uptime.windows import Bounds

Random = np.random.Generator


@dataclass
class Fleet:
    """Stores 0..n-1 with open time, polls, and when each was truly down: [start, end), sorted."""

    stores: int
    as_of: int
    opened: Intervals
    polls: Observations
    down: list[Int64]  # (k, 2) of each store, disjoint

    def up(self, store: int, start: int, end: int) -> int:
        """Return the true open and up time of a window, in µs."""
        of = self.opened.store == store
        total = 0
        for a, b in zip(
            np.maximum(self.opened.start[of], start).tolist(),
            np.minimum(self.opened.end[of], end).tolist(),
            strict=True,
        ):
            if a < b:
                cut = np.clip(self.down[store], a, b)
                total += (b - a) - int((cut[:, 1] - cut[:, 0]).sum())
        return total

    def bounds(self, *lengths: int) -> Bounds:
        """Return the windows of these lengths (µs) before T, the same for all stores."""
        start = np.array([[self.as_of - length] * self.stores for length in lengths])
        return Bounds(start, np.full_like(start, self.as_of))

    def counted(self, lookback: int) -> Counted:
        return count_polls(
            self.polls, self.opened, stores=self.stores, as_of=self.as_of, lookback=lookback
        )

    def filled(self, lookback: int) -> Filled:
        return polled(self.polls, self.counted(lookback), interpolation="nearest", radius=HOUR)

    def evidence(self, bounds: Bounds, lookback: int = 14 * DAY) -> Evidence:
        filled = self.filled(lookback)
        return evidence(
            self.polls,
            self.counted(lookback),
            filled,
            figures(filled, bounds).open,
            [],
            np.empty((0, self.stores), np.bool_),
            bounds,
            as_of=self.as_of,
            lookback=lookback,
        )

    def hold_out(self, lookback: int) -> HeldOut:
        return hold_out(
            self.polls, self.opened, stores=self.stores, as_of=self.as_of, lookback=lookback
        )

    def some(self, chosen: Sequence[int]) -> "Fleet":
        """These stores, ascending."""
        place = np.full(self.stores, -1)
        place[list(chosen)] = np.arange(len(chosen))
        opened, polls = (
            [place[columns.store], *list(vars(columns).values())[1:]]
            for columns in (self.opened, self.polls)
        )
        return Fleet(
            len(chosen),
            self.as_of,
            Intervals(*(column[opened[0] >= 0] for column in opened)),
            Observations(*(column[polls[0] >= 0] for column in polls)),
            [self.down[store] for store in chosen],
        )


Repairs = Callable[[Random, float, int], Float64]
"""So many repair times in hours, with this mean."""


def exponential(chance: Random, mean: float, count: int) -> Float64:
    return chance.exponential(mean, count)


def nearly_constant(chance: Random, mean: float, count: int) -> Float64:
    return chance.gamma(20.0, mean / 20.0, count)


def heavy_tailed(chance: Random, mean: float, count: int) -> Float64:
    sigma = 1.2
    return chance.lognormal(np.log(mean) - sigma**2 / 2, sigma, count)


def simulate(
    seed: int,
    stores: int,
    days: int,
    *,
    repairs: Repairs = exponential,
    every: int = 1,
    on_the_hour: int | None = None,
    shared_outage: bool = False,
    open_late: bool = False,
    always_open: float = 0.5,
) -> Fleet:
    """Stores that fail at random and are repaired, at rates of their own.

    One poll in `every` is kept; `on_the_hour` (minutes) puts all at the same minute. In a
    `shared_outage` all are down for two hours on the last day; those that `open_late` are down for
    up to an hour after each opening, every third day.
    """
    chance = np.random.default_rng(seed)
    as_of = days * DAY
    opened, polls, down = [], [], []
    for store in range(stores):
        hours = _hours(chance, days, always_open)
        outages = _outages(chance, days, repairs)
        if shared_outage:
            outages = np.vstack((outages, [[as_of - 5 * HOUR, as_of - 3 * HOUR]]))
        if open_late:
            late = hours[:, 0][chance.random(len(hours)) < 1 / 3]
            delay = (chance.random(len(late)) * HOUR).astype(np.int64)
            outages = np.vstack((outages, np.stack((late, late + delay), axis=1)))
        outages = _merged(outages)
        at = _polls(chance, days, every, on_the_hour)
        # Of an even number of edges so far, the last one ended an outage.
        is_down = np.searchsorted(outages.ravel(), at, side="right") % 2 == 1
        opened.append(np.column_stack((np.full(len(hours), store), hours)))
        polls.append(np.column_stack((np.full(len(at), store), at, ~is_down)))
        down.append(outages)
    open_columns = np.vstack(opened).T
    store_column, at_column, active = np.vstack(polls).T
    return Fleet(
        stores,
        as_of,
        Intervals(*open_columns),
        Observations(store_column, at_column, active.astype(np.bool_)),
        down,
    )


def _hours(chance: Random, days: int, always_open: float) -> Int64:
    if chance.random() < always_open:
        return np.array([[-DAY, (days + 1) * DAY]])
    opens = int(chance.integers(6, 12)) * HOUR
    closes = opens + int(chance.integers(8, 14)) * HOUR
    day = np.arange(-1, days + 1)[:, None] * DAY
    hours: Int64 = day + np.array([opens, closes])
    return hours[hours[:, 0] < days * DAY]


def _outages(chance: Random, days: int, repairs: Repairs) -> Int64:
    """Failures every few hours to every few months, repaired in ten minutes to half a day."""
    between = float(np.exp(chance.uniform(np.log(8), np.log(1000))))
    mean = float(np.exp(chance.uniform(np.log(0.3), np.log(8))))
    span = (days + 30) * 24
    count = int(span / (between + mean) * 2 + 50)
    lengths = np.empty(2 * count)
    lengths[::2] = chance.exponential(between, count)
    lengths[1::2] = repairs(chance, mean, count)
    edges = (np.cumsum(lengths) * HOUR).astype(np.int64) - 30 * DAY  # a month to settle
    outages: Int64 = edges.reshape(-1, 2)
    return outages[outages[:, 0] < days * DAY]


def _polls(chance: Random, days: int, every: int, on_the_hour: int | None) -> Int64:
    count = days * 24
    if on_the_hour is not None:
        at = np.arange(count) * HOUR + on_the_hour * MINUTE
    else:
        steps = HOUR + chance.integers(-300, 300, count + 24) * 1_000_000
        at = np.cumsum(steps) - int(chance.integers(0, HOUR))
    at = at[(at >= 0) & (at <= days * DAY)]
    return at[::every] if every > 1 else at


def _merged(outages: Int64) -> Int64:
    """Join those that overlap or touch; drop those that are empty."""
    outages = outages[outages[:, 0] < outages[:, 1]]
    outages = outages[np.argsort(outages[:, 0], kind="stable")]
    until = np.maximum.accumulate(outages[:, 1])
    begins, ends = np.ones((2, len(outages)), np.bool_)
    begins[1:] = outages[1:, 0] > until[:-1]
    ends[:-1] = begins[1:]
    return np.stack((outages[begins, 0], until[ends]), axis=1)


FLEETS: dict[str, dict[str, Any]] = {
    "exponential repairs": {},
    "nearly constant repairs": {"repairs": nearly_constant},
    "heavy-tailed repairs": {"repairs": heavy_tailed},
    "one poll in six": {"every": 6},
    "three minutes past the hour": {"on_the_hour": 3},
    "a shared outage": {"shared_outage": True},
    "open late": {"open_late": True},
}


def coverage(fleet: Fleet, *lengths: int) -> tuple[list[float], list[float]]:
    """Return for windows before T the share of stores whose true uptime is in the interval.

    Of the stores that are open in the window; and of those among them that were ever seen down.
    """
    bounds, lookback = fleet.bounds(*lengths), max(lengths) + 7 * DAY
    said = fleet.evidence(bounds, lookback)
    found = ranges(said, fit_prior(said.likelihoods.astype(np.float64)))
    truth = np.array(
        [
            [fleet.up(store, fleet.as_of - length, fleet.as_of) for store in range(fleet.stores)]
            for length in lengths
        ]
    )
    inside = (found.p05 <= truth) & (truth <= found.p95)
    opened = said.unsure > 0
    down = np.bincount(fleet.polls.store[~fleet.polls.active], minlength=fleet.stores) > 0
    of_all, of_seen_down = (
        [float(row[some].mean()) for row, some in zip(inside, which, strict=True)]
        for which in (opened, opened & down)
    )
    return of_all, of_seen_down
