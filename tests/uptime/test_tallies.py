"""How many stores were up, down and so on in each window: every store in one state, one bin."""

import numpy as np

from openhours.uptime.tallies import BINS, COUNTS, tallies
from openhours.uptime.totals import Figures


def counted(opened: list[list[int]], up: list[list[int]], known: list[bool]) -> list[list[int]]:
    of, active = np.array(opened, np.int64), np.array(up, np.int64)
    found = Figures(of, active, of // 2, np.zeros_like(of), np.array(known, np.bool_))
    return [[int(number) for number in row] for row in tallies(found)]


def test_each_store_has_one_state_and_each_that_was_open_one_bin() -> None:
    opened = [100, 100, 100, 100, 0, 100]
    up = [100, 99, 4, 0, 0, 0]
    (row,) = counted([opened], [up], [True] * 5 + [False])
    counts, bins = row[: len(COUNTS)], row[len(COUNTS) :]
    told = dict(zip(COUNTS, counts, strict=True))
    assert (told["fully_up"], told["partly"], told["down"]) == (1, 2, 1)
    assert (told["closed"], told["unknown"]) == (1, 1)
    assert (told["open"], told["up"]) == (400, 203), "of known stores"
    assert (told["all_open"], told["observed"]) == (500, 250)
    assert (bins[0], bins[19], bins[20], sum(bins)) == (2, 1, 1, 4)


def test_a_bin_begins_with_its_lower_share_and_the_last_is_full_uptime_alone() -> None:
    up = [0, 49, 50, 949, 950, 999, 1000]
    (row,) = counted([[1000] * len(up)], [up], [True] * len(up))
    bins = row[len(COUNTS) :]
    assert len(bins) == BINS
    assert {place: stores for place, stores in enumerate(bins) if stores} == {
        0: 2,
        1: 1,
        18: 1,
        19: 2,
        20: 1,
    }


def test_windows_are_told_apart() -> None:
    first, second = counted([[10, 10], [20, 0]], [[10, 0], [20, 0]], [True, True])
    assert (first[:4], second[:4]) == ([1, 0, 1, 0], [1, 0, 0, 1])
    assert (first[-1], second[-1]) == (1, 1)


def test_nothing_is_known_of_no_store() -> None:
    assert counted([[]], [[]], []) == [[0] * (len(COUNTS) + BINS)]
