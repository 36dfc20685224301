"""Fingerprints: sums of words that depend on every row, but not on their order."""

from itertools import pairwise
from typing import Any

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from openhours.uptime.fingerprints import by_group, by_stretch, mixed

small = st.integers(-3, 3)
rows = st.lists(st.tuples(small, small, st.booleans()), max_size=8)


def of(some: list[Any]) -> int:
    a, b, c = np.array(some, np.int64).reshape(-1, 3).T
    return int(by_group(mixed(a, b, c.astype(np.bool_)), np.zeros(len(some), np.int64), 1)[0])


@given(rows, rows, st.randoms())
def test_rows_have_one_fingerprint_in_any_order_and_others_have_others(
    some: list[Any], others: list[Any], random: Any
) -> None:
    shuffled = random.sample(some, len(some))
    assert of(some) == of(shuffled)
    assert (of(some) == of(others)) == (sorted(some) == sorted(others))


def test_a_fingerprint_tells_small_changes_that_leave_the_sums_of_columns_alone() -> None:
    rng = np.random.default_rng(1)
    at = np.sort(rng.integers(0, 2**50, 100))
    active = rng.random(100) < 0.5
    group = np.zeros(100, np.int64)
    seen = {int(by_group(mixed(at, active), group, 1)[0])}
    for n in range(99):
        for first, second in ((1, -1), (10**6, -(10**6))):
            moved = at.copy()
            moved[n : n + 2] += (first, second)
            seen.add(int(by_group(mixed(moved, active), group, 1)[0]))
        flipped = active.copy()
        flipped[n : n + 2] ^= True
        seen.add(int(by_group(mixed(at, flipped), group, 1)[0]))
    assert len(seen) == 1 + 3 * 99


def test_more_rows_than_are_mixed_at_once() -> None:
    column = np.arange(40_000)
    words = mixed(column)
    assert len(np.unique(words.astype(np.uint32))) > 39_990
    assert words[::7].tolist() == mixed(column[::7]).tolist()


@given(st.integers(0, 2**32), st.integers(1, 5), st.lists(st.integers(1, 99), unique=True))
def test_stretches_add_up_and_are_those_of_their_rows(
    seed: int, stores: int, cuts: list[int]
) -> None:
    rng = np.random.default_rng(seed)
    count = int(rng.integers(0, 40))
    store, at = rng.integers(0, stores, count), rng.integers(0, 101, count)
    order = np.lexsort((at, store))
    store, at = store[order], at[order]
    edges = np.array([0, *sorted(cuts), 101])
    found = by_stretch(mixed(at), store, at, stores, edges)
    for s in range(stores):
        for n, (since, until) in enumerate(pairwise(edges)):
            some = at[(store == s) & (at >= since) & (at < until)]
            alone = by_group(mixed(some), np.zeros(len(some), np.int64), 1)
            assert found[s, n] == alone[0]
    whole = by_stretch(mixed(at), store, at, stores, np.array([0, 101]))
    assert found.sum(axis=1, dtype=np.uint32).tolist() == whole[:, 0].tolist()
