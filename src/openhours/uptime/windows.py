"""Windows x stores -> bounds: the stretches of time that a report sums up, in each store's zone."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np

from openhours.times import DAY, HOUR
from openhours.uptime.axis import Int64
from openhours.uptime.clocks import to_utc

# The most that a local clock is ahead of UTC: where a date begins first.
FIRST_MIDNIGHT = -14 * HOUR


class Window(NamedTuple):
    """[start, end) under a name.

    `elapsed`: µs after T, so `start` is negative; `dates`: local dates in days since 1970-01-01,
    from midnight to midnight in each store's zone; `instants`: µs UTC. A window ends at T at the
    latest.
    """

    name: str
    kind: Literal["elapsed", "dates", "instants"]
    start: int
    end: int

    @property
    def is_short(self) -> bool:
        """Return whether its figures are written in minutes, not in hours."""
        return self.kind != "dates" and self.end - self.start <= HOUR

    def first_instant(self, as_of: int) -> int:
        """Return the instant (µs UTC) at which it begins, in the zone where it begins first."""
        if self.kind == "dates":
            return self.start * DAY + FIRST_MIDNIGHT
        return self.start + (as_of if self.kind == "elapsed" else 0)


LAST_HOUR = Window("last_hour", "elapsed", -HOUR, 0)
LAST_DAY = Window("last_day", "elapsed", -DAY, 0)
LAST_WEEK = Window("last_week", "elapsed", -7 * DAY, 0)
DEFAULT_WINDOWS = (LAST_HOUR, LAST_DAY, LAST_WEEK)


@dataclass(frozen=True)
class Bounds:
    """[start, end) of each window for each store, in µs UTC: (windows, stores) each."""

    start: Int64
    end: Int64


def bounds(windows: Sequence[Window], zone: Int64, zones: Sequence[str], as_of: int) -> Bounds:
    """Return where the windows begin and end for each store, T (µs) at the latest.

    `zone[s]` is the index in `zones` of the zone of store s. Raise pytz.UnknownTimeZoneError.
    """
    start, end = np.empty((2, len(windows), len(zone)), np.int64)
    dates = [n for n, window in enumerate(windows) if window.kind == "dates"]
    for n, window in enumerate(windows):
        if window.kind != "dates":
            after = as_of if window.kind == "elapsed" else 0
            start[n], end[n] = window.start + after, window.end + after
    for edge, days in (
        (start, [windows[n].start for n in dates]),
        (end, [windows[n].end for n in dates]),
    ):
        if dates:
            edge[dates] = _midnights(days, zones)[:, zone]
    return Bounds(np.minimum(start, as_of), np.minimum(end, as_of))


def _midnights(days: Sequence[int], zones: Sequence[str]) -> Int64:
    """Return the instants at which local dates begin: (dates, zones)."""
    local = np.array(days, np.int64) * DAY
    return np.stack([to_utc(local, zone) for zone in zones], axis=1)
