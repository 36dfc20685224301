"""Verdicts: does uptime reach a target, as far as its interval tells?"""

import numpy as np

from openhours.uptime.axis import Bool, Int64
from openhours.uptime.intervals.mixture import Ranges

# A target is in hundredths of a percent of open time.
ALL = 100_00
NO_TARGET = -1
NO_VERDICT, MET, MISSED, CANNOT_TELL = range(4)
# At these positions, as files and addresses write them.
NAMES = (None, "met", "missed", "cannot_tell")


def verdicts(ranges: Ranges, opened: Int64, known: Bool, target: Int64) -> Int64:
    """Return the verdict of each window and store: (windows, stores).

    `opened` is open time in µs, (windows, stores); `known` and `target`, NO_TARGET where there is
    none, are (stores,). There is no verdict of unknown stores, nor of windows without open time.
    """
    whole, rest = np.divmod(opened, ALL)
    # The open time times the target would be more than 64 bits hold. Rounded up: what reaches a
    # fraction of a µs reaches the next whole one.
    needed = whole * target - (-rest * target) // ALL
    found = np.select([ranges.p05 >= needed, ranges.p95 < needed], [MET, MISSED], CANNOT_TELL)
    judged = known & (target != NO_TARGET) & (opened > 0)
    return np.where(judged, found, NO_VERDICT)
