"""Local time -> UTC, in every IANA zone, by pytz's tables of clock changes.

Not by pandas' tz_localize: the "shift_forward" of pandas 3.1 ends many a gap at the wrong instant,
in 29 zones from 2000 to 2030: where a gap is not a whole hour from one full hour to the next, but
in America/Anchorage as well, by an hour. (It reads the same tables.)
"""

from datetime import timedelta
from functools import cache
from typing import NamedTuple

import numpy as np
import pytz

from openhours.uptime.axis import Int64


class _Clock(NamedTuple):
    """A zone's regimes: each from `begins` (µs UTC) at `offset` (local minus UTC, µs) until the
    clock shows `ends` (µs of local time, ascending: no change ever undid one of the same day).
    """

    begins: Int64
    offset: Int64
    ends: Int64


def to_utc(local: Int64, zone: str) -> Int64:
    """Return the first instant (µs UTC) at which the clock of `zone` shows `local` or later.

    So a local time that happens twice is the first of the two, a skipped one the end of the gap.
    `local` is in µs since 1970-01-01 00:00 on that clock, of any shape; the result has its shape.
    pytz knows the changes until 2037. Raise pytz.UnknownTimeZoneError.

        autumn   UTC    6:00   6:30   7:00   7:30      spring   UTC    7:30   8:00   8:30
                 local  1:00   1:30   1:00   1:30               local  1:30   3:00   3:30
                               ^ 1:30                                         ^ 2:30
    """
    clock = _clock(zone)
    regime = np.searchsorted(clock.ends, local, side="right")
    first: Int64 = np.maximum(local - clock.offset[regime], clock.begins[regime])
    return first


@cache
def _clock(zone: str) -> _Clock:
    rules = pytz.timezone(zone)
    changes = getattr(rules, "_utc_transition_times", None)
    if changes is None:  # such as UTC and Etc/GMT+5, which never change
        fixed = rules.utcoffset(None) // timedelta(microseconds=1)
        return _Clock(np.array([-(2**62)]), np.array([fixed]), np.array([2**63 - 1]))
    begins = np.array(changes, "datetime64[us]").astype(np.int64)
    offset = np.array([info[0] for info in rules._transition_info], "timedelta64[us]")
    offset = offset.astype(np.int64)
    ends = np.append(begins[1:] + offset[:-1], 2**63 - 1)
    return _Clock(begins, offset, ends)
