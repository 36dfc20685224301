"""docs/spec.md, part 3b: outages."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from openhours.uptime.corrections import correct
from openhours.uptime.outages import NEVER, Outages, in_windows, outages
from openhours.uptime.segments import Filled
from openhours.uptime.totals import figures
from openhours.uptime.windows import Bounds
from tests.uptime import columns, reference
from tests.uptime.columns import LOOKBACK, MINUTE, Store, daily, filled, utc
from tests.uptime.reference import HOUR
from tests.uptime.test_corrections import CorrectedStores, corrected_stores, plain

AS_OF = utc("2024-01-03 17:00")

brief = settings(max_examples=50, deadline=None)


def outages_of(stores: list[Store], whole: Filled, as_of: int) -> Outages:
    observations = columns.observations(stores)
    counts = columns.counted(stores, as_of).polls
    return outages(whole, observations, counts, as_of - LOOKBACK, as_of)


def rows(found: Outages, store: int = 0) -> list[reference.Outage]:
    return [
        reference.Outage(
            began_at,
            None if ongoing else ended_at,
            None if earliest == -NEVER else earliest,
            None if latest == NEVER else latest,
            downtime,
            observations,
        )
        for of, began_at, ended_at, earliest, latest, downtime, observations, ongoing in zip(
            *(column.tolist() for column in vars(found).values()), strict=True
        )
        if of == store
    ]


def found_in(*polls: str) -> list[reference.Outage]:
    """Of a store that is open 9 to 17: `01 10:00 active`."""
    store = Store(
        daily("09:00", "17:00"),
        polls=[(utc(f"2024-01-{text[:8]}"), text[9:] == "active") for text in polls],
    )
    return rows(outages_of([store], filled([store], AS_OF), AS_OF))


def test_an_outage_is_between_the_active_polls_around_it() -> None:
    assert found_in(
        "03 10:00 active", "03 11:00 inactive", "03 12:00 inactive", "03 13:00 active"
    ) == [
        reference.Outage(
            utc("2024-01-03 10:30"),
            utc("2024-01-03 12:30"),
            utc("2024-01-03 10:00"),
            utc("2024-01-03 13:00"),
            2 * HOUR,
            2,
        )
    ]


def test_closed_time_does_not_end_it_and_does_not_count() -> None:
    assert found_in(
        "02 16:00 active", "02 16:30 inactive", "03 09:30 inactive", "03 10:00 active"
    ) == [
        reference.Outage(
            utc("2024-01-02 16:15"),
            utc("2024-01-03 09:45"),
            utc("2024-01-02 16:00"),
            utc("2024-01-03 10:00"),
            90 * MINUTE,
            2,
        )
    ]


def test_while_no_uptime_follows_it_is_ongoing() -> None:
    (outage,) = found_in("03 15:00 active", "03 16:00 inactive", "03 17:00 inactive")
    assert outage == reference.Outage(
        utc("2024-01-03 15:30"), None, utc("2024-01-03 15:00"), None, 90 * MINUTE, 1
    ), "a poll at closing is not in open time"


def test_one_from_the_very_beginning_has_no_active_poll_before_it() -> None:
    (outage,) = found_in("03 10:00 inactive", "03 12:00 active")
    assert outage.began_earliest is None
    assert outage.began_at == utc("2023-12-21 09:00"), "the first poll reaches back"


def test_an_unknown_store_has_none() -> None:
    assert found_in() == []


@pytest.mark.slow
@brief
@given(corrected_stores())
def test_outages_are_the_reference_s(
    drawn: CorrectedStores,
) -> None:
    stores, as_of, made, covers = drawn
    since = as_of - LOOKBACK
    whole = correct(filled(stores, as_of), made, covers)
    found = outages_of(stores, whole, as_of)
    bounds = columns.default_bounds(len(stores), as_of)
    of = in_windows(found, whole, bounds, since)
    for n, store in enumerate(stores):
        expected = reference.outages(
            reference.corrected(plain(store, as_of), drawn.said_of(n)), since, as_of
        )
        assert rows(found, n) == [outage for outage, _ in expected]
        for w, window in enumerate(reference.default_windows(as_of)):
            parts = [reference.total(reference.clipped(run, window)) for _, run in expected]
            assert of.count[w, n] == sum(part > 0 for part in parts)
            assert of.longest[w, n] == max(parts, default=0)
        week = reference.default_windows(as_of)[-1]
        assert of.inside[found.store == n].tolist() == [
            bool(reference.clipped(run, week)) for _, run in expected
        ]


@pytest.mark.slow
@brief
@given(corrected_stores(), st.integers(0, 10))
def test_their_downtime_is_that_of_the_window(
    drawn: CorrectedStores,
    days: int,
) -> None:
    """The outages of a store, each cut to the window, sum to the downtime of the window."""
    stores, as_of, made, covers = drawn
    since = as_of - LOOKBACK
    whole = correct(filled(stores, as_of), made, covers)
    found = outages_of(stores, whole, as_of)
    start = np.full((1, len(stores)), as_of - days * 24 * HOUR)
    end = np.full((1, len(stores)), as_of)
    sums = figures(whole, Bounds(start, end))
    total = np.zeros(len(stores), np.int64)
    for n in range(len(found.store)):
        one = Outages(*(column[n : n + 1] for column in vars(found).values()))
        total += in_windows(one, whole, Bounds(start, end), since).longest[0]
    down = np.where(sums.known, sums.open[0] - sums.up[0], 0)
    assert (total == down).all()
