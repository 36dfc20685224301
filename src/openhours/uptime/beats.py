"""Heartbeats + open time -> segments, each up or down.

Up from each heartbeat until the next one or until it expires, else down; before a store's very
first heartbeat there is nothing. (b: heartbeat, u: up, d: down; they expire after six columns)

             opens                                        closes
    beats      |     b  b  b        b b                     |
    segments   |ddddduuuuuuuuuuuuddduuuuuuuudddddddddddddddd|
"""

from dataclasses import dataclass

import numpy as np

from openhours.uptime.axis import Axis, Int64
from openhours.uptime.hours import Intervals
from openhours.uptime.segments import NO_SOURCE, Filled, Segments, lay_out


@dataclass(frozen=True)
class Heartbeats:
    """Heartbeats, sorted by (store, at), one for each store and instant; `at` in µs UTC."""

    store: Int64
    at: Int64


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
    Raises OverflowError if stores * lookback reaches 2**63.
    """
    start = np.maximum(open_time.start, first_heartbeat[open_time.store])
    end = np.minimum(open_time.end, as_of)
    some = start < end
    cut = Intervals(open_time.store[some], start[some], end[some])
    axis = Axis(as_of - lookback, as_of, len(first_heartbeat))
    segments = _within(cut, *_alive(heartbeats, axis, expiry), axis)
    nothing = Segments(*(column[:0] for column in vars(segments).values()))
    return Filled(segments, nothing, first_heartbeat <= as_of)


def _alive(heartbeats: Heartbeats, axis: Axis, expiry: int) -> tuple[Intervals, Int64]:
    """When each store was up, cut at the end of the axis, and the heartbeats that begin it."""
    counted = np.flatnonzero((heartbeats.at >= axis.first) & (heartbeats.at < axis.last))
    store, at = heartbeats.store[counted], heartbeats.at[counted]
    begins = np.diff(store, prepend=-1) != 0
    begins[1:] |= at[1:] - at[:-1] > expiry
    ends = np.roll(begins, -1)
    until = np.minimum(at[ends] + expiry, axis.last)
    return Intervals(store[begins], at[begins], until), counted[begins]


def _within(cut: Intervals, alive: Intervals, source: Int64, axis: Axis) -> Segments:
    """Split each interval where it meets those of `alive`: down, and (up, down) for each."""
    first = np.searchsorted(
        axis.keys(alive.store, alive.end), axis.keys(cut.store, cut.start), side="right"
    )
    beyond = np.searchsorted(axis.keys(alive.store, alive.start), axis.keys(cut.store, cut.end))
    met = beyond - first
    met_before = np.cumsum(met) - met
    pair = np.arange(met.sum())
    interval = np.repeat(np.arange(len(met)), met)
    run = pair + np.repeat(first - met_before, met)

    opening = np.arange(len(met)) + 2 * met_before
    up = interval + 2 * pair + 1
    start = np.empty(len(met) + 2 * len(pair), np.int64)
    start[opening] = cut.start
    start[up] = np.maximum(alive.start[run], cut.start[interval])
    start[up + 1] = np.minimum(alive.end[run], cut.end[interval])
    by = np.full(len(start), NO_SOURCE)
    by[up] = source[run]
    return lay_out(cut, opening, start, by != NO_SOURCE, by)
