"""PCs beat every minute, so their uptime is known: seen once an hour, they must have it inside."""

from dataclasses import replace

import numpy as np
import pytest
from tools import fleets

from openhours.times import DAY, HOUR, MINUTE, SECOND
from openhours.uptime.axis import Axis
from openhours.uptime.beats import Heartbeats, beating
from openhours.uptime.fill import Observations
from openhours.uptime.intervals import mixture, rates
from openhours.uptime.totals import figures

pytestmark = pytest.mark.slow

PCS, DAYS = 400, 15
EXPIRY = 150 * SECOND


def beats_of(fleet: fleets.Fleet) -> Heartbeats:
    """One a minute while the PC is on, each PC at a second of its own."""
    store, at = [], []
    for pc, off in enumerate(fleet.down):
        minutes = np.arange(pc % 60 * SECOND, DAYS * DAY, MINUTE)
        is_on = np.searchsorted(off.ravel(), minutes, side="right") % 2 == 0
        at.append(minutes[is_on])
        store.append(np.full(is_on.sum(), pc))
    return Heartbeats(np.concatenate(store), np.concatenate(at))


def thinned(fleet: fleets.Fleet, beats: Heartbeats) -> fleets.Fleet:
    """Polled about every hour: active while the last beat has not expired."""
    axis = Axis(-HOUR, fleet.as_of, fleet.stores)
    polls = fleet.polls
    last = np.searchsorted(
        axis.keys(beats.store, beats.at), axis.keys(polls.store, polls.at), side="right"
    )
    last = np.maximum(last - 1, 0)
    active = (beats.store[last] == polls.store) & (polls.at - beats.at[last] < EXPIRY)
    return replace(fleet, polls=Observations(polls.store, polls.at, active))


def test_the_uptime_that_all_beats_tell_lies_in_the_interval_that_some_tell() -> None:
    fleet = fleets.simulate(20261130, PCS, DAYS)
    beats = beats_of(fleet)
    first = np.full(PCS, fleet.as_of)
    np.minimum.at(first, beats.store, beats.at)
    bounds = fleet.bounds(DAY, 7 * DAY)
    filled = beating(
        beats,
        fleet.opened,
        first_heartbeat=first,
        as_of=fleet.as_of,
        lookback=14 * DAY,
        expiry=EXPIRY,
    )
    told = figures(filled, bounds)
    said = thinned(fleet, beats).evidence(bounds)
    found = mixture.ranges(said, rates.fit_prior(said.likelihoods.astype(np.float64)))
    # Beats tell it to a minute or two each time that a PC goes off.
    inside = (found.p05 <= told.up) & (told.up <= found.p95)
    opened = told.open > 0
    day, week = (float(row[of].mean()) for row, of in zip(inside, opened, strict=True))
    assert 0.86 <= week <= 0.95
    assert day >= 0.86
    polls_alone = figures(thinned(fleet, beats).filled(14 * DAY), bounds).up
    assert np.abs(polls_alone - told.up)[opened].mean() > 5 * MINUTE, "else it would be no test"
