"""How many stores were up, down and so on in each window, how their uptime spreads, and sums."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from openhours.uptime.axis import Int64
from openhours.uptime.totals import Figures


class Counts(NamedTuple):
    """Known stores: open and up throughout; up for a part; open and down throughout; never open.

    Then unknown ones; in µs open time and uptime of known stores, open time of all, and what of
    that is observed.
    """

    fully_up: int
    partly: int
    down: int
    closed: int
    unknown: int
    open: int
    up: int
    all_open: int
    observed: int


COUNTS = Counts._fields
# Then known stores that were open, by uptime in percent of it: 0 to 5, 5 to 10 …, and 100.
BINS = 21


def tallies(found: Figures) -> Int64:
    """Return (windows, COUNTS and BINS) of all stores together."""
    known, opened = found.known, found.open
    up = np.where(known, found.up, 0)
    judged = known & (opened > 0)
    columns = (
        judged & (up == opened),
        (up > 0) & (up < opened),
        judged & (up == 0),
        known & (opened == 0),
        np.broadcast_to(~known, opened.shape),
        np.where(known, opened, 0),
        up,
        opened,
        found.observed,
    )
    counts = [column.sum(axis=1, dtype=np.int64) for column in columns]
    window, _ = np.nonzero(judged)
    share = window * BINS + 20 * up[judged] // opened[judged]
    bins = np.bincount(share, minlength=len(opened) * BINS).reshape(-1, BINS)
    return np.concatenate((np.stack(counts, axis=1), bins), axis=1)


def counts_of(tally: Sequence[int]) -> Counts:
    """Return the counts of a window's tally."""
    return Counts(*tally[: len(COUNTS)])


def bins_of(tally: Sequence[int]) -> Sequence[int]:
    """Return the bins of a window's tally."""
    return tally[len(COUNTS) :]
