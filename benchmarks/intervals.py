"""C1 to C8: how often the truth lies in the interval for uptime, of simulated fleets.

Seeded: the same numbers each time. The aim of an interval of 90 % is 0.9, no less and no more.
"""

from collections.abc import Iterator

import numpy as np
from tools import fleets
from tools.fleets import FLEETS

from benchmarks.measure import Result
from benchmarks.place import Files, Place
from openhours.times import DAY, HOUR
from openhours.uptime.intervals import rates, reliability
from openhours.uptime.intervals.reliability import SCALE

_STORES = 3000
_DAYS = 37
_WINDOWS = {"hour": HOUR, "day": DAY, "week": 7 * DAY, "month": 30 * DAY}
_SEED = 20230125
# The model knows neither repairs that take very long now and then, nor that opening is a bad time.
_NEEDED = {"heavy-tailed repairs": 0.85, "open late": 0.87}
_MANY = 1000  # polls in a bin


def run(place: Place, files: Files, rounds: int) -> Iterator[Result]:
    """The coverage of each fleet, in the window where it is lowest; and what was said of polls."""
    del place, files, rounds
    off = 0.0
    for number, (name, options) in enumerate(FLEETS.items(), start=1):
        fleet = fleets.simulate(_SEED, _STORES, _DAYS, **options)
        if not options:
            off = _off(fleet)
        every, seen_down = fleets.coverage(fleet, *_WINDOWS.values())
        lowest = dict(zip(seen_down, _WINDOWS, strict=True))[min(seen_down)]
        each = ", ".join(f"{share:.3f}" for share in every)
        yield Result(
            f"C{number}",
            f"{name}: truth in the {lowest}'s interval, stores seen down (all, by window: {each})",
            min(seen_down),
            None,
            min(seen_down),
            _NEEDED.get(name, 0.88),
            0.9,
            unit="",
            higher_is_better=True,
        )
    what = "polls held out: said to be up / were, the bin that is off most"
    yield Result("C8", what, off, None, off, 0.03, 0.02, unit="")


def _off(fleet: fleets.Fleet) -> float:
    said = fleet.evidence(fleet.bounds(HOUR), _DAYS * DAY)
    prior = rates.fit_prior(said.likelihoods.astype(np.float64))
    table = reliability.reliability(fleet.hold_out(_DAYS * DAY), prior)
    told, was, count = table[table[:, 2] >= _MANY].T
    return float(np.abs(told / SCALE / count - was / count).max())
