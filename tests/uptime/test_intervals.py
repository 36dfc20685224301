"""The interval for uptime: whole stores against the plain reference, and its laws."""

from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from openhours.uptime.axis import Bool, Float64
from openhours.uptime.corrections import Correction, correct
from openhours.uptime.intervals import mixture, rates
from openhours.uptime.intervals.mixture import Evidence, Ranges
from openhours.uptime.totals import figures
from openhours.uptime.windows import DEFAULT_WINDOWS, Bounds
from tests.uptime import columns, reference
from tests.uptime import intervals_reference as plain
from tests.uptime.columns import LOOKBACK, Store, daily, utc
from tests.uptime.reference import DAY, HOUR, Interval, Poll
from tests.uptime.test_corrections import CorrectedStores, corrected_stores

AS_OF = utc("2024-01-03 17:00")
FLAT = np.full(rates.POINTS, 1 / rates.POINTS)
HOURLY, DAILY, WEEKLY = range(3)
GRID = [
    plain.Rates(*of) for of in zip(rates.GRID.up.tolist(), rates.GRID.speed.tolist(), strict=True)
]


def evidence(
    stores: Sequence[Store],
    as_of: int = AS_OF,
    made: Sequence[Correction] = (),
    covers: Bool | None = None,
    bounds: Bounds | None = None,
) -> Evidence:
    if covers is None:
        covers = np.ones((len(made), len(stores)), np.bool_)
    filled = columns.filled(stores, as_of)
    if made:
        filled = correct(filled, made, covers)
    windows = bounds or columns.default_bounds(len(stores), as_of)
    return mixture.evidence(
        columns.observations(stores),
        columns.counted(stores, as_of),
        filled,
        figures(filled, windows).open,
        made,
        covers,
        windows,
        as_of=as_of,
        lookback=LOOKBACK,
    )


def ranges(stores: Sequence[Store], *made: Correction, prior: Float64 = FLAT) -> Ranges:
    return mixture.ranges(evidence(stores, made=made), prior)


def hours(found: Ranges, window: int, store: int = 0) -> tuple[float, float, float]:
    """p05, expected and p95."""
    low, expected, high = (
        part[window, store].item() / HOUR for part in (found.p05, found.expected, found.p95)
    )
    return low, expected, high


def rows(found: Ranges) -> list[list[int]]:
    """What each store has, to the µs."""
    parts = (found.expected, found.p05, found.p95)
    return [
        [at for part in parts for at in part[:, store].tolist()]
        for store in range(found.p05.shape[1])
    ]


def check(
    found: Ranges, expected: plain.Range, window: int, store: int, within: float = 1e-3
) -> None:
    """The mean to a thousandth of the unsure time and 0.4 s, the points to that and 0.2 %.

    Figures are printed to 0.6 s (0.01 minutes).
    """
    low, mean, high = hours(found, window, store)
    near = within * expected.unsure + 1e-4  # h
    assert mean == pytest.approx(expected.sure_up + expected.mean, abs=near)
    for point, probability in ((low, 0.05), (high, 0.95)):
        assert -1e-9 <= point - expected.sure_up <= expected.unsure + 1e-9
        assert expected.at_most(point + near) >= probability - 2e-3
        assert expected.at_most(point - near) <= probability + 2e-3 or point <= expected.sure_up


@pytest.mark.slow
@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(corrected_stores(), st.integers(0, 99))
def test_of_any_stores_it_is_the_reference_s(drawn: CorrectedStores, seed: int) -> None:
    stores, as_of, made, covers = drawn
    chance = np.random.default_rng(seed)
    points = chance.choice(rates.POINTS, 10, replace=False)
    prior = np.zeros(rates.POINTS)
    prior[points] = chance.dirichlet(np.ones(10))
    said = evidence(stores, as_of, made, covers)
    found = mixture.ranges(said, prior)
    for n, store in enumerate(stores):
        opened = reference.open_intervals(store.hours, store.zone, as_of - LOOKBACK, as_of)
        for window, bounds in enumerate(reference.default_windows(as_of)):
            expected = plain.interval(
                store.polls,
                opened,
                drawn.said_of(n),
                bounds,
                since=as_of - LOOKBACK,
                as_of=as_of,
                grid=[GRID[n] for n in points],
                prior=prior[points].tolist(),
            )
            if is_known(store.polls, opened, as_of):
                assert said.unsure[window, n] == round(expected.unsure * HOUR)
                # Twice that: the prior is one that no fleet has.
                check(found, expected, window, n, within=2e-3)


def is_known(polls: Sequence[Poll], opened: Sequence[Interval], as_of: int) -> bool:
    return any(
        start <= at < end and as_of - LOOKBACK <= at <= as_of
        for at, _ in polls
        for start, end in opened
    )


@pytest.mark.slow
@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(corrected_stores())
def test_a_store_alone_has_the_bytes_that_it_has_among_others(drawn: CorrectedStores) -> None:
    stores, as_of, made, covers = drawn
    together = mixture.ranges(evidence(stores, as_of, made, covers), FLAT)
    alone = [
        mixture.ranges(evidence([store], as_of, made, covers[:, [n]]), FLAT)
        for n, store in enumerate(stores)
    ]
    assert [rows(one)[0] for one in alone] == rows(together)


def polls(since: str, count: int, *, up: bool = True, minutes: int = 60) -> list[tuple[int, bool]]:
    return [(utc(f"2024-01-{since}") + n * minutes * HOUR // 60, up) for n in range(count)]


ALWAYS_UP = Store(polls=polls("01 00:30", 65))
ALWAYS_DOWN = Store(polls=polls("01 00:30", 65, up=False))


def test_a_store_that_was_always_seen_up_may_have_been_up_all_the_time() -> None:
    found = ranges([ALWAYS_UP])
    low, expected, high = hours(found, DAILY)
    assert 22 < low < expected < high == 24
    low, expected, high = hours(found, HOURLY)
    assert 0.9 < expected < high == 1


def test_a_store_that_was_always_seen_down_may_have_been_down_all_the_time() -> None:
    """So likely that of the day nothing else is left within 90 %."""
    found = ranges([ALWAYS_DOWN])
    low, expected, high = hours(found, DAILY)
    assert 0 == low == high < expected < 0.1
    low, expected, high = hours(found, WEEKLY)
    assert 0 == low < expected < high


def test_one_poll_leaves_much_open() -> None:
    low, expected, high = hours(ranges([Store(polls=[(AS_OF - 12 * HOUR, True)])]), WEEKLY)
    assert low < 80 < expected < high == 168


def test_where_no_poll_lies_in_an_opening_the_others_tell_how_the_store_is() -> None:
    store = Store(daily("09:00", "17:00"), polls=polls("01 09:10", 8))
    low, expected, high = hours(ranges([store]), DAILY)
    assert low < 4 < expected < high == 8
    much = Store(daily("09:00", "17:00"), polls=[*polls("01 09:10", 8), *polls("02 09:10", 8)])
    assert hours(ranges([much]), DAILY)[1] > expected


def test_no_open_time_has_an_interval_of_nothing() -> None:
    store = Store(daily("09:00", "10:00"), polls=[(utc("2024-01-03 09:30"), True)])
    assert hours(ranges([store]), HOURLY) == (0, 0, 0)


def test_an_unknown_store_has_nothing_that_is_not_sure() -> None:
    assert (evidence([Store()]).unsure == 0).all()


def test_as_of_ends_an_opening_and_a_gap() -> None:
    """The last poll 20 minutes before T: of the last hour two thirds lie between two polls."""
    store = Store(polls=polls("01 00:40", 65))
    found = ranges([store])
    opening_ends = ranges([Store([(day, 0, AS_OF % DAY) for day in range(7)], polls=store.polls)])
    assert hours(found, HOURLY)[2] == 1
    assert hours(opening_ends, HOURLY) == pytest.approx(hours(found, HOURLY), rel=1e-2)


def test_a_poll_at_as_of_itself_ends_the_last_gap() -> None:
    with_it = Store(polls=polls("01 00:00", 66))
    without = Store(polls=polls("01 00:00", 65))
    assert with_it.polls[-1] == (AS_OF, True)
    sure, less = ranges([with_it]), ranges([without])
    assert hours(sure, HOURLY)[1] > hours(less, HOURLY)[1]


def test_excluded_time_leaves_the_interval() -> None:
    noon = utc("2024-01-03 12:00")
    found = ranges([ALWAYS_UP], Correction(noon, noon + 2 * HOUR, "excluded"))
    low, expected, high = hours(found, DAILY)
    assert 20 < low < expected < high == 22
    everything = ranges([ALWAYS_UP], Correction(AS_OF - 8 * DAY, AS_OF, "excluded"))
    assert hours(everything, WEEKLY) == (0, 0, 0)


def test_corrected_time_is_certain() -> None:
    noon = utc("2024-01-03 12:00")
    down = hours(ranges([ALWAYS_UP], Correction(noon, noon + 2 * HOUR, "down")), DAILY)
    excluded = hours(ranges([ALWAYS_UP], Correction(noon, noon + 2 * HOUR, "excluded")), DAILY)
    assert down == excluded
    up = hours(ranges([ALWAYS_UP], Correction(noon, noon + 2 * HOUR, "up")), DAILY)
    assert up == pytest.approx([hours + 2 for hours in down], abs=1e-9)
    everything = ranges([ALWAYS_DOWN], Correction(AS_OF - 8 * DAY, AS_OF, "up"))
    assert hours(everything, WEEKLY) == (168, 168, 168)


def test_a_window_that_lies_within_one_gap_is_a_piece_of_it() -> None:
    bounds = Bounds(*np.array([[[AS_OF - 9 * HOUR]], [[AS_OF - 8 * HOUR]]]))
    seen = [(AS_OF - 30 * HOUR, True), (AS_OF - HOUR, True)]
    said = evidence([Store(polls=seen)], bounds=bounds)
    assert said.whole[0].sums.tolist() == []
    assert [hours.tolist() for hours in said.parts[0].lengths] == [[21], [1], [7]]


def test_the_prior_is_that_of_the_fleet() -> None:
    """Under a fleet that never fails, a store seen once is up; under one that does, it is not."""
    once = Store(polls=[(AS_OF - 12 * HOUR, True)])

    def expected(fleet: Store) -> float:
        prior = rates.fit_prior(evidence([fleet] * 50).likelihoods.astype(np.float64))
        assert prior.sum() == pytest.approx(1)
        assert (prior > 0).all()
        return hours(ranges([once], prior=prior), WEEKLY)[1]

    changing = Store(polls=[(at, n % 2 > 0) for n, (at, _) in enumerate(ALWAYS_UP.polls)])
    assert expected(ALWAYS_UP) > 160
    assert 70 < expected(changing) < 100


@pytest.mark.slow
@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(corrected_stores())
def test_the_laws_of_intervals(drawn: CorrectedStores) -> None:
    stores, as_of, made, covers = drawn
    said = evidence(stores, as_of, made, covers)
    found = mixture.ranges(said, FLAT)
    assert (said.sure_up <= found.p05).all()
    assert (found.p05 <= found.p95).all()
    assert (found.p95 <= said.sure_up + said.unsure).all()
    for point in (found.p05, found.p95, found.expected):
        assert (point >= 0).all()
    window = DEFAULT_WINDOWS[WEEKLY]
    assert (found.p95[WEEKLY] <= -window.start).all()


def test_of_no_stores_there_are_none() -> None:
    assert mixture.ranges(evidence([]), FLAT).p05.shape == (3, 0)
