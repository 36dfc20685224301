"""The intervals of a whole fleet: many gaps counted together, and any partition of its stores."""

from collections.abc import Sequence

import numpy as np
import pytest
from tools import fleets

from openhours.uptime.axis import Float64
from openhours.uptime.intervals import mixture, rates
from tests.uptime import columns
from tests.uptime import intervals_reference as plain
from tests.uptime.columns import LOOKBACK
from tests.uptime.reference import DAY, HOUR
from tests.uptime.test_intervals import GRID, check, rows

pytestmark = pytest.mark.slow


def test_of_many_gaps_counted_together_it_is_the_reference_s() -> None:
    fleet = fleets.simulate(3, 60, 14)
    bounds = fleet.bounds(HOUR, DAY, 7 * DAY)
    said = fleet.evidence(bounds)
    prior = rates.fit_prior(said.likelihoods.astype(np.float64))
    found = mixture.ranges(said, prior)
    for store in range(0, 60, 15):
        of = fleet.polls.store == store
        seen = zip(fleet.polls.at[of].tolist(), fleet.polls.active[of].tolist(), strict=True)
        polls, opened = list(seen), columns.pairs(fleet.opened, store)
        for window, (start, end) in enumerate(zip(bounds.start, bounds.end, strict=True)):
            expected = plain.interval(
                polls,
                opened,
                [],
                (int(start[store]), int(end[store])),
                since=fleet.as_of - LOOKBACK,
                as_of=fleet.as_of,
                grid=GRID,
                prior=prior.tolist(),
            )
            assert said.unsure[window, store] == round(expected.unsure * HOUR)
            check(found, expected, window, store)


def fleet_ranges(fleet: fleets.Fleet, chosen: Sequence[int], prior: Float64) -> list[list[int]]:
    some = fleet.some(chosen)
    return rows(mixture.ranges(some.evidence(some.bounds(HOUR, DAY, 7 * DAY)), prior))


def test_every_partition_of_a_fleet_gives_the_same_bytes() -> None:
    fleet = fleets.simulate(7, 700, 14)
    prior = rates.fit_prior(fleet.evidence(fleet.bounds(HOUR)).likelihoods.astype(np.float64))
    together = fleet_ranges(fleet, range(700), prior)
    assert fleet_ranges(fleet, range(300), prior) == together[:300]
    assert fleet_ranges(fleet, range(300, 700), prior) == together[300:]
    odd = list(range(1, 700, 2))
    assert fleet_ranges(fleet, odd, prior) == [together[n] for n in odd]
    for n in (0, 5, 431):
        assert fleet_ranges(fleet, [n], prior) == [together[n]]
