"""The hours of the week add up to the week."""

from collections.abc import Sequence

import pytest
from hypothesis import given

from openhours.times import HOUR
from openhours.uptime.hourly import HOURS, by_hour
from tests.uptime import columns
from tests.uptime.columns import Store, utc
from tests.uptime.strategies import polled_stores


def hours_of(stores: Sequence[Store], as_of: int) -> list[list[int]]:
    found: list[list[int]] = by_hour(columns.filled(stores, as_of), as_of).tolist()
    return found


@pytest.mark.slow
@given(polled_stores())
def test_hours_add_up_to_the_week_of_the_stores_that_are_known(
    drawn: tuple[Sequence[Store], int],
) -> None:
    stores, as_of = drawn
    opened, up = hours_of(stores, as_of)
    figures = columns.polled(stores, as_of)
    assert len(opened) == HOURS
    assert sum(opened) == figures.open[2][figures.known].sum()
    assert sum(up) == figures.up[2].sum()
    assert all(
        0 <= part <= whole <= len(stores) * HOUR for part, whole in zip(up, opened, strict=True)
    )


@pytest.mark.slow
@given(polled_stores())
def test_an_hour_holds_what_its_segments_overlap(drawn: tuple[Sequence[Store], int]) -> None:
    stores, as_of = drawn
    filled = columns.filled(stores, as_of)
    segments = filled.segments
    expected = [[0] * HOURS, [0] * HOURS]
    for store, start, end, active in zip(
        segments.store.tolist(),
        segments.start.tolist(),
        segments.end.tolist(),
        segments.active.tolist(),
        strict=True,
    ):
        for hour in range(HOURS if filled.known[store] else 0):
            edge = as_of - (HOURS - hour) * HOUR
            overlap = max(0, min(end, edge + HOUR) - max(start, edge))
            expected[0][hour] += overlap
            expected[1][hour] += overlap * active
    assert by_hour(filled, as_of).tolist() == expected


def test_each_hour_has_its_own_part() -> None:
    polls = [(utc("2023-01-23 09:00"), False), (utc("2023-01-23 11:00"), True)]
    opened, up = hours_of([Store(polls=polls)], utc("2023-01-23 12:00"))
    assert opened == [HOUR] * HOURS
    assert up[-4:] == [0, 0, HOUR, HOUR]
    polls = [(utc("2023-01-23 09:30"), False), (utc("2023-01-23 11:00"), True)]
    _, up = hours_of([Store(polls=polls)], utc("2023-01-23 12:00"))
    assert up[-3:] == [0, HOUR * 3 // 4, HOUR]
