"""Segments -> outages: stretches of downtime of a store with no uptime in between.

Closed and excluded time does not end an outage, and does not count in its length:

    segments   |uuuuudddddd|   closed   |ddduuuuuudddd|
    outages          |---------- 1 --------|      | 2 ... ongoing
"""

from dataclasses import dataclass

import numpy as np

from openhours.uptime.axis import Axis, Bool, Int64
from openhours.uptime.fill import Observations
from openhours.uptime.segments import Filled, Segments
from openhours.uptime.totals import Elapsed
from openhours.uptime.windows import Bounds

NEVER = 2**63 - 1


@dataclass(frozen=True)
class Outages:
    """Outages sorted by (store, began_at), in µs UTC, (n,) each.

    `began_earliest` and `ended_latest` are the active observations around it, -NEVER and NEVER
    where there is none. `ended_at` is the end of its last downtime, also while it is `ongoing`.
    `downtime` is open time in µs; `observations` counts the inactive ones in it.
    """

    store: Int64
    began_at: Int64
    ended_at: Int64
    began_earliest: Int64
    ended_latest: Int64
    downtime: Int64
    observations: Int64
    ongoing: Bool


@dataclass(frozen=True)
class InWindows:
    """How many outages have downtime in a window, and the longest such part in µs.

    (windows, stores) each; `inside` (n,) says of each outage whether it has any in one of them.
    """

    count: Int64
    longest: Int64
    inside: Bool


def outages(
    filled: Filled, observations: Observations, counts: Bool, since: int, as_of: int
) -> Outages:
    """Return the outages in [since, as_of) (µs) of the stores that are known.

    `counts` says which observations count; of these none is earlier than `since`. Of beating
    stores they are all heartbeats.
    """
    segments = _known_since(filled, since)
    first, last = _runs_of_downtime(segments)
    store, began_at, ended_at = segments.store[first], segments.start[first], segments.end[last]
    # Nothing of its store follows.
    ongoing = np.append(np.diff(segments.store) != 0, True)[last]
    passed = np.append(0, np.cumsum(segments.end - segments.start))

    axis = Axis(since, as_of + 1, len(filled.known))
    keys = axis.keys(observations.store, observations.at)
    begin = axis.keys(store, began_at)
    end = axis.keys(store, np.where(ongoing, as_of + 1, ended_at))
    # Positions in `observations`: each is searched once, and of the few there are, then.
    first_in, first_after = np.searchsorted(keys, begin), np.searchsorted(keys, end)
    since_begun = np.searchsorted(keys, begin, side="right")
    active = np.flatnonzero(counts & observations.active)
    inactive = np.flatnonzero(counts & ~observations.active)
    before = np.searchsorted(active, since_begun) - 1
    after = np.where(ongoing, len(active), np.searchsorted(active, first_after))
    return Outages(
        store=store,
        began_at=began_at,
        ended_at=ended_at,
        began_earliest=_at(observations, active, before, store, -NEVER),
        ended_latest=_at(observations, active, after, store, NEVER),
        downtime=passed[last + 1] - passed[first],
        observations=np.searchsorted(inactive, first_after) - np.searchsorted(inactive, first_in),
        ongoing=ongoing,
    )


def in_windows(found: Outages, filled: Filled, bounds: Bounds, since: int) -> InWindows:
    """Return what the outages have in each window; `found` and `since` are those of `outages`."""
    windows, stores = bounds.start.shape
    count, longest = np.zeros((2, windows, stores), np.int64)
    inside = np.zeros(len(found.store), np.bool_)
    if not len(found.store):
        return InWindows(count, longest, inside)
    last = max(int(found.ended_at.max()), int(bounds.end.max(initial=since)))
    downtime = _downtime(_known_since(filled, since), since, last, stores)
    axis = Axis(min(since, int(bounds.start.min(initial=since))), last, stores)
    begins, ends = (axis.keys(found.store, at) for at in (found.began_at, found.ended_at))
    of = np.arange(stores)
    for n in range(windows):
        # Of each store a run of its outages meets the window.
        since_key, until_key = axis.keys(of, bounds.start[n]), axis.keys(of, bounds.end[n])
        first = np.searchsorted(ends, since_key, side="right")
        beyond = np.maximum(np.searchsorted(begins, until_key), first)
        met = beyond - first
        outage = np.arange(met.sum()) + np.repeat(first - (np.cumsum(met) - met), met)
        store = found.store[outage]
        start = np.maximum(found.began_at[outage], bounds.start[n, store])
        end = np.minimum(found.ended_at[outage], bounds.end[n, store])
        down = found.downtime[outage]
        cut = (start > found.began_at[outage]) | (end < found.ended_at[outage])
        before = (downtime.before(store[cut], at[cut])[0] for at in (end, start))
        down[cut] = np.subtract(*before)
        count[n] = np.bincount(store[down > 0], minlength=stores)
        np.maximum.at(longest[n], store, down)
        inside[outage[down > 0]] = True
    return InWindows(count, longest, inside)


def some(found: Outages, which: Bool) -> Outages:
    """Return some of the outages."""
    return Outages(*(column[which] for column in vars(found).values()))


def _downtime(segments: Segments, first: int, last: int, stores: int) -> Elapsed:
    """Return how much downtime of segments lies before an instant in [first, last] (µs)."""
    down = ~segments.active
    return Elapsed(
        Segments(*(column[down] for column in vars(segments).values())), first, last, stores
    )


def _known_since(filled: Filled, since: int) -> Segments:
    """Return the segments of known stores, cut at `since`."""
    segments = filled.segments
    some = filled.known[segments.store] & (segments.end > since)
    store, start, end, active, source = (column[some] for column in vars(segments).values())
    return Segments(store, np.maximum(start, since), end, active, source)


def _runs_of_downtime(segments: Segments) -> tuple[Int64, Int64]:
    """Return the first and last segments of all runs of downtime: (n,) each."""
    down = ~segments.active
    joined = down[1:] & down[:-1] & (segments.store[1:] == segments.store[:-1])
    first = down.copy()
    first[1:] &= ~joined
    last = down.copy()
    last[:-1] &= ~joined
    return np.flatnonzero(first), np.flatnonzero(last)


def _at(
    observations: Observations, some: Int64, place: Int64, store: Int64, otherwise: int
) -> Int64:
    """Return the instants of observations, `otherwise` where it is not one of the store.

    `place` (n,) are positions in `some`, which are positions in `observations`.
    """
    inside = np.flatnonzero((place >= 0) & (place < len(some)))
    which = some[place[inside]]
    of_store = observations.store[which] == store[inside]
    at = np.full(len(store), otherwise)
    at[inside[of_store]] = observations.at[which[of_store]]
    return at
