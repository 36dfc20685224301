"""docs/spec.md, part 2, rule 8: what people say about the past, and what it changes."""

from typing import NamedTuple

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from openhours.uptime.axis import Bool
from openhours.uptime.corrections import Correction, correct
from openhours.uptime.segments import Filled
from openhours.uptime.totals import Figures, figures
from tests.uptime import columns, reference
from tests.uptime.columns import LOOKBACK, Store, daily, filled, utc
from tests.uptime.reference import DAY, HOUR
from tests.uptime.strategies import polled_stores

AS_OF = utc("2024-01-03 17:00")
NINE_TO_FIVE = Store(daily("09:00", "17:00"), polls=[(utc("2024-01-01 10:00"), True)])
WEEK = 2

brief = settings(max_examples=50, deadline=None)


def during(start: str, end: str, treat_as: str) -> Correction:
    assert treat_as in ("excluded", "up", "down")
    return Correction(utc(f"2024-01-{start}"), utc(f"2024-01-{end}"), treat_as)  # type: ignore[arg-type]


def corrected(*corrections: Correction, store: Store = NINE_TO_FIVE) -> Filled:
    return correct(filled([store], AS_OF), corrections, np.ones((len(corrections), 1), np.bool_))


def summed(filled: Filled) -> Figures:
    return figures(filled, columns.default_bounds(len(filled.known), AS_OF))


def hours(found: Figures) -> tuple[float, float, float]:
    """Of the week: open, up and corrected time."""
    parts = (found.open, found.up, found.corrected)
    open_, up, changed = (part[WEEK, 0] / HOUR for part in parts)
    return open_, up, changed


def test_the_one_made_last_decides() -> None:
    down, excluded = (
        during("02 12:00", "02 14:00", "down"),
        during("02 13:00", "02 15:00", "excluded"),
    )
    assert hours(summed(corrected(down, excluded))) == (54, 53, 3)
    assert hours(summed(corrected(excluded, down))) == (55, 53, 3)


def test_only_open_time_is_corrected() -> None:
    assert hours(summed(corrected(during("02 16:00", "03 10:00", "down")))) == (56, 54, 2)


def test_excluded_time_is_neither_up_nor_down() -> None:
    assert hours(summed(corrected(during("02 00:00", "03 00:00", "excluded")))) == (48, 48, 8)


def test_corrected_time_counts_as_observed() -> None:
    found = summed(corrected(during("02 00:00", "03 00:00", "up")))
    assert found.observed[WEEK, 0] == 10 * HOUR  # 09:00 to 11:00 on Monday, all of Tuesday


def test_planned_maintenance_says_nothing_before_it_begins() -> None:
    assert hours(summed(corrected(during("09 00:00", "10 00:00", "excluded")))) == (56, 56, 0)


def test_an_unknown_store_stays_unknown() -> None:
    store = Store(daily("09:00", "17:00"))
    found = summed(corrected(during("02 00:00", "03 00:00", "up"), store=store))
    assert not found.known[0]
    assert hours(found) == (56, 0, 8)


def test_each_correction_is_of_its_stores_alone() -> None:
    stores = [NINE_TO_FIVE] * 3
    covers = np.array([[True, False, True], [False, False, True]])
    said = [during("02 00:00", "03 00:00", "down"), during("01 00:00", "02 00:00", "excluded")]
    found = summed(correct(filled(stores, AS_OF), said, covers))
    assert (found.open[WEEK] / HOUR).tolist() == [56, 56, 48]
    assert (found.up[WEEK] / HOUR).tolist() == [48, 56, 40]


class CorrectedStores(NamedTuple):
    """Stores with polls, an as-of, and corrections that meet in every way."""

    stores: list[Store]
    as_of: int
    made: list[Correction]
    covers: Bool

    def said_of(self, store: int) -> list[reference.Correction]:
        covered = zip(self.made, self.covers[:, store].tolist(), strict=True)
        return [(one.start, one.end, one.treat_as) for one, covers in covered if covers]


@st.composite
def corrected_stores(draw: st.DrawFn) -> CorrectedStores:
    stores, as_of = draw(polled_stores())
    days = st.integers(0, 8).map(lambda n: as_of - n * DAY)
    edges = days | st.integers(as_of - 9 * DAY, as_of + DAY)
    corrections = st.builds(
        Correction, edges, edges, st.sampled_from(["excluded", "up", "down"])
    ).filter(lambda one: one.start < one.end)
    made = draw(st.lists(corrections, max_size=5))
    covers = [[draw(st.booleans()) for _ in stores] for _ in made]
    shape = len(made), len(stores)
    return CorrectedStores(stores, as_of, made, np.array(covers, np.bool_).reshape(shape))


@pytest.mark.slow
@brief
@given(corrected_stores())
def test_figures_are_the_reference_s(
    drawn: CorrectedStores,
) -> None:
    stores, as_of, made, covers = drawn
    bounds = columns.default_bounds(len(stores), as_of)
    found = figures(correct(filled(stores, as_of), made, covers), bounds)
    for n, store in enumerate(stores):
        expected = reference.summed(
            reference.corrected(plain(store, as_of), drawn.said_of(n)),
            reference.default_windows(as_of),
        )
        parts = (found.open, found.up, found.observed, found.corrected)
        assert list(zip(*(part[:, n].tolist() for part in parts), strict=True)) == expected.figures
        assert found.known[n] == expected.known


@pytest.mark.slow
@brief
@given(corrected_stores())
def test_excluded_time_is_the_difference_in_open_time(
    drawn: CorrectedStores,
) -> None:
    stores, as_of, made, covers = drawn
    made = [one._replace(treat_as="excluded") for one in made]
    bounds = columns.default_bounds(len(stores), as_of)
    before = filled(stores, as_of)
    after = correct(before, made, covers)
    changed = figures(after, bounds)
    assert (figures(before, bounds).open - changed.open == changed.corrected).all()


def plain(store: Store, as_of: int) -> reference.Filled:
    return reference.polled(
        store.polls,
        reference.open_intervals(store.hours, store.zone, as_of - LOOKBACK, as_of),
        as_of=as_of,
        lookback=LOOKBACK,
        interpolation="nearest",
        radius=HOUR,
    )


def test_without_corrections_nothing_is_touched() -> None:
    whole = filled([NINE_TO_FIVE], AS_OF)
    assert correct(whole, [], np.empty((0, 1), np.bool_)) is whole
