"""The reliability table that is kept with a report, in shares."""

from collections.abc import Sequence
from typing import NamedTuple

from openhours.uptime.intervals.reliability import SCALE

# Where predictions and outcomes differ by more, intervals are not to be trusted.
MAX_ERROR = 0.05
# With fewer polls, chance alone can make as much of a difference.
_ENOUGH_POLLS = 200


class Bin(NamedTuple):
    """Polls of which about the same was said: the shares that were said to be up, and were."""

    said: float
    was: float
    polls: int


def bins_of(table: Sequence[Sequence[int]]) -> list[Bin]:
    """Return the bins that have polls; `table` is as from `uptime.intervals.reliability`."""
    return [Bin(said / SCALE / polls, up / polls, polls) for said, up, polls in table if polls]


def error_of(bins: Sequence[Bin]) -> float:
    """Return by how much said and was differ, averaged over all polls; 0 if there are none."""
    polls = sum(one.polls for one in bins)
    return sum(abs(one.said - one.was) * one.polls for one in bins) / polls if polls else 0.0


def is_reliable(bins: Sequence[Bin]) -> bool | None:
    """Return whether what was said came true; None if there are too few polls to tell."""
    if sum(one.polls for one in bins) < _ENOUGH_POLLS:
        return None
    return error_of(bins) <= MAX_ERROR
