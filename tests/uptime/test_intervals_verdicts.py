"""The laws of verdicts, and a plain reference with fractions."""

from dataclasses import dataclass
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from openhours.times import DAY, HOUR
from openhours.uptime.intervals.mixture import Ranges
from openhours.uptime.intervals.verdicts import (
    ALL,
    CANNOT_TELL,
    MET,
    MISSED,
    NO_TARGET,
    NO_VERDICT,
    verdicts,
)

LONGEST = 100 * 366 * DAY


@dataclass(frozen=True)
class Store:
    """A store in a window."""

    opened: int
    p05: int
    p95: int
    known: bool
    target: int


def lengths(longest: int) -> st.SearchStrategy[int]:
    """Any number of µs, and those that are a round share of the longest one."""
    shares = st.integers(0, ALL).flatmap(
        lambda part: st.integers(-1, 1).map(lambda more: longest * part // ALL + more)
    )
    return (st.integers(0, longest) | shares).map(lambda us: min(max(us, 0), longest))


@st.composite
def stores(draw: st.DrawFn) -> Store:
    opened = draw(st.sampled_from([0, 1, ALL, HOUR, LONGEST]) | st.integers(0, LONGEST))
    p05, p95 = sorted((draw(lengths(opened)), draw(lengths(opened))))
    target = st.integers(0, ALL) | st.sampled_from([0, 9990, ALL, NO_TARGET])
    return Store(opened, p05, p95, draw(st.booleans()), draw(target))


def found(*several: Store) -> list[int]:
    """The verdicts of stores in one window."""
    columns = zip(*((one.opened, one.p05, one.p95) for one in several), strict=True)
    opened, p05, p95 = (np.array([column], np.int64) for column in columns)
    known = np.array([one.known for one in several])
    target = np.array([one.target for one in several], np.int64)
    of = verdicts(Ranges(p05, p05, p95), opened, known, target)
    assert of.shape == (1, len(several))
    return [int(verdict) for verdict in of[0]]


def reference(store: Store) -> int:
    """As docs/spec.md says it, without the kernel."""
    if not store.known or not store.opened or store.target == NO_TARGET:
        return NO_VERDICT
    target = Fraction(store.target, ALL)
    if Fraction(store.p05, store.opened) >= target:
        return MET
    return CANNOT_TELL if Fraction(store.p95, store.opened) >= target else MISSED


@pytest.mark.slow
@given(st.lists(stores(), min_size=1, max_size=20))
def test_verdicts_are_those_of_exact_shares(several: list[Store]) -> None:
    assert found(*several) == [reference(store) for store in several]


@given(stores(), st.integers(0, ALL))
def test_a_higher_target_is_never_easier_to_meet(store: Store, other: int) -> None:
    low, high = sorted((max(store.target, 0), other))
    hardest = [MET, CANNOT_TELL, MISSED]
    easier, harder = found(
        *(Store(store.opened, store.p05, store.p95, True, target) for target in (low, high))
    )
    if store.opened:
        assert hardest.index(easier) <= hardest.index(harder)
    else:
        assert easier == harder == NO_VERDICT


@given(stores(), st.data())
def test_an_interval_inside_another_never_says_the_opposite_and_never_less(
    store: Store, data: st.DataObject
) -> None:
    low = data.draw(st.integers(store.p05, store.p95))
    high = data.draw(st.integers(low, store.p95))
    wide, narrow = found(store, Store(store.opened, low, high, store.known, store.target))
    assert wide in (narrow, CANNOT_TELL)


@given(stores())
def test_an_interval_of_one_point_always_tells(store: Store) -> None:
    (verdict,) = found(Store(store.opened, store.p05, store.p05, store.known, store.target))
    assert verdict != CANNOT_TELL


@given(stores())
def test_a_target_of_nothing_is_always_met_and_one_of_everything_only_without_downtime(
    store: Store,
) -> None:
    nothing, everything = found(
        *(Store(store.opened, store.p05, store.p95, True, target) for target in (0, ALL))
    )
    if store.opened:
        assert nothing == MET
        assert (everything == MET) == (store.p05 == store.opened)


@pytest.mark.parametrize(
    ("p05", "p95", "target", "verdict"),
    [
        # Of 100 hours; 99.5 hours are 99.5 %.
        (99 * HOUR + HOUR // 2, 100 * HOUR, 9950, MET),
        (99 * HOUR + HOUR // 2 - 1, 100 * HOUR, 9950, CANNOT_TELL),
        (90 * HOUR, 99 * HOUR + HOUR // 2, 9950, CANNOT_TELL),
        (90 * HOUR, 99 * HOUR + HOUR // 2 - 1, 9950, MISSED),
    ],
)
def test_what_is_exactly_the_target_reaches_it(
    p05: int, p95: int, target: int, verdict: int
) -> None:
    assert found(Store(100 * HOUR, p05, p95, True, target)) == [verdict]
