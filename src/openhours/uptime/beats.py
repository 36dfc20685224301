"""Heartbeats + open time -> segments, each up or down.

Up from each heartbeat until the next one or until it expires, else down; before a store's very
first heartbeat there is nothing. (b: heartbeat, u: up, d: down; they expire after six columns)

             opens                                        closes
    beats      |     b  b  b        b b                     |
    segments   |ddddduuuuuuuuuuuuddduuuuuuuudddddddddddddddd|
"""

from dataclasses import dataclass

import numpy as np

from openhours.uptime.axis import Axis, Bool, Int64
from openhours.uptime.hours import Intervals
from openhours.uptime.segments import NO_SOURCE, Filled, Segments, interleave, lay_out, no_segments


@dataclass(frozen=True)
class Heartbeats:
    """Heartbeats, sorted by (store, at), one for each store and instant; `at` in µs UTC.

    `joined`: do others that are not here lie between it and the one before, so that the store was
    up all the time? None if all are here.
    """

    store: Int64
    at: Int64
    joined: Bool | None = None


def beating(
    heartbeats: Heartbeats,
    open_time: Intervals,
    *,
    first_heartbeat: Int64,
    as_of: int,
    lookback: int,
    expiry: int,
) -> Filled:
    """Fill the open time of beating stores from each one's first heartbeat ever (µs, (stores,)).

    Heartbeats count from as_of - lookback on. A store whose `first_heartbeat` is later than as_of
    is not known; all others are observed throughout. `as_of`, `lookback`, `expiry` in µs.
    Raise OverflowError if stores * lookback reaches 2**63.
    """
    start = np.maximum(open_time.start, first_heartbeat[open_time.store])
    end = np.minimum(open_time.end, as_of)
    some = start < end
    cut = Intervals(open_time.store[some], start[some], end[some])
    axis = Axis(as_of - lookback, as_of, len(first_heartbeat))
    segments = _cut(cut, *_alive(heartbeats, axis, expiry), axis)
    return Filled(segments, no_segments(), no_segments(), first_heartbeat <= as_of)


def _alive(heartbeats: Heartbeats, axis: Axis, expiry: int) -> tuple[Intervals, Int64]:
    """Return when each store was up, cut at the end of the axis, and the heartbeats that begin it.

    Heartbeats no further apart than `expiry` are one stretch, to the last one's expiry:

        beats      b  b b           b
        alive      |----------|     |-----|
    """
    counted = np.flatnonzero((heartbeats.at >= axis.first) & (heartbeats.at < axis.last))
    store, at = heartbeats.store[counted], heartbeats.at[counted]
    begins = np.diff(store, prepend=-1) != 0
    silent = at[1:] - at[:-1] > expiry
    if heartbeats.joined is not None:
        silent &= ~heartbeats.joined[counted][1:]
    begins[1:] |= silent
    ends = np.roll(begins, -1)
    until = np.minimum(at[ends] + expiry, axis.last)
    return Intervals(store[begins], at[begins], until), counted[begins]


def _cut(opened: Intervals, alive: Intervals, source: Int64, axis: Axis) -> Segments:
    """Cut each open interval where it meets those of `alive`: down, then up and down for each.

    opened     |                            |
    alive        |-----|        |-------|
    start      H a1    a2       b1      b2
    segments   |d|uuuuu|dddddddd|uuuuuuu|ddd|
    """
    first = np.searchsorted(
        axis.keys(alive.store, alive.end), axis.keys(opened.store, opened.start), side="right"
    )
    beyond = np.searchsorted(
        axis.keys(alive.store, alive.start), axis.keys(opened.store, opened.end)
    )
    met = beyond - first
    before = np.cumsum(met) - met
    # Each meeting of an interval with one of `alive`; one that spans two intervals meets both.
    interval = np.repeat(np.arange(len(met)), met)
    run = np.arange(len(interval)) + np.repeat(first - before, met)

    places = interleave(before, len(run), width=2)
    up = np.maximum(alive.start[run], opened.start[interval])
    down = np.minimum(alive.end[run], opened.end[interval])
    start = places.column(opened.start, np.stack((up, down), axis=1))
    silent = np.full_like(run, NO_SOURCE)
    by = places.column(np.full_like(first, NO_SOURCE), np.stack((source[run], silent), axis=1))
    return lay_out(opened, places.heads, start, by != NO_SOURCE, by)
