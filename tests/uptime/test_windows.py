"""docs/spec.md, part 3b: windows in each store's own time."""

from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from openhours.uptime.totals import figures
from openhours.uptime.windows import LAST_DAY, LAST_HOUR, Window, bounds
from tests.uptime import reference
from tests.uptime.columns import LOOKBACK, Store, column, filled, utc
from tests.uptime.reference import DAY, HOUR, Interval, to_utc, zone_info
from tests.uptime.strategies import instants, polled_stores, zones

EPOCH = date(1970, 1, 1)


def dates(first: str, beyond: str) -> Window:
    start, end = ((date.fromisoformat(text) - EPOCH).days for text in (first, beyond))
    return Window(f"{first}/{beyond}", "dates", start, end)


def span(window: Window, zone: str, as_of: str) -> Interval:
    found = bounds([window], column([0]), [zone], utc(as_of))
    return int(found.start[0, 0]), int(found.end[0, 0])


@pytest.mark.parametrize(
    ("day", "zone", "hours"),
    [
        ("2024-03-09", "America/Chicago", 24),
        ("2024-03-10", "America/Chicago", 23),
        ("2024-11-03", "America/Chicago", 25),
        ("2024-04-07", "Australia/Lord_Howe", 24.5),
        ("2011-12-30", "Pacific/Apia", 0),  # left out
        ("2018-11-04", "America/Sao_Paulo", 23),  # midnight itself is skipped
        ("2024-02-29", "UTC", 24),
    ],
)
def test_a_date_is_from_local_midnight_to_the_next(day: str, zone: str, hours: float) -> None:
    beyond = (date.fromisoformat(day) + timedelta(days=1)).isoformat()
    start, end = span(dates(day, beyond), zone, "2025-01-01 00:00")
    assert (end - start) / HOUR == hours


def test_each_store_has_its_own_midnights() -> None:
    zones = ["America/New_York", "Asia/Kolkata"]
    found = bounds(
        [dates("2024-01-05", "2024-01-06")], column([1, 0, 1]), zones, utc("2024-01-09 00:00")
    )
    assert found.start[0].tolist() == [
        utc("2024-01-04 18:30"),
        utc("2024-01-05 05:00"),
        utc("2024-01-04 18:30"),
    ]


def test_windows_end_at_t_at_the_latest() -> None:
    week = dates("2024-01-01", "2024-01-08")
    assert span(week, "UTC", "2024-01-03 12:00") == (
        utc("2024-01-01 00:00"),
        utc("2024-01-03 12:00"),
    )


def test_a_window_that_has_not_begun_in_a_zone_is_empty_there() -> None:
    start, end = span(dates("2024-01-05", "2024-01-06"), "America/Chicago", "2024-01-05 03:00")
    assert start == end == utc("2024-01-05 03:00")


def test_only_windows_of_an_hour_at_most_are_written_in_minutes() -> None:
    assert LAST_HOUR.is_short
    assert Window("PT30M", "elapsed", -HOUR // 2, 0).is_short
    assert Window("from/to", "instants", 0, HOUR).is_short
    assert not Window("from/to", "instants", 0, HOUR + 1).is_short
    assert not LAST_DAY.is_short
    assert not dates("2011-12-30", "2011-12-31").is_short


@given(st.data(), zones)
@settings(max_examples=100, deadline=None)
def test_midnights_are_the_reference_s(data: st.DataObject, zone: str) -> None:
    as_of = data.draw(instants(zone))
    first = as_of // DAY + data.draw(st.integers(-40, 2))
    window = Window("some", "dates", first, first + data.draw(st.integers(1, 31)))
    found = bounds([window], column([0]), [zone], as_of)
    expected = [min(as_of, _midnight(n, zone_info(zone))) for n in (window.start, window.end)]
    assert [found.start[0, 0], found.end[0, 0]] == expected


def _midnight(day: int, zone: ZoneInfo) -> int:
    return to_utc(datetime.combine(EPOCH + timedelta(days=day), datetime.min.time()), zone)


def window_lists(as_of: int) -> st.SearchStrategy[list[Window]]:
    """Of every kind, near T; long ones too."""
    back = st.integers(1, 14 * DAY)
    lengths = st.builds(lambda n: Window("e", "elapsed", -n, 0), back | st.just(HOUR))
    days = st.builds(
        lambda n, length: Window("d", "dates", as_of // DAY - n, as_of // DAY - n + length),
        st.integers(-1, 13),
        st.integers(1, 10),
    )
    spans = st.builds(
        lambda n, length: Window("i", "instants", as_of - n, as_of - n + length), back, back
    )
    return st.lists(lengths | days | spans, max_size=4)


@pytest.mark.slow
@given(st.data(), polled_stores())
@settings(max_examples=60, deadline=None)
def test_figures_of_any_windows_are_the_reference_s(
    data: st.DataObject, drawn: tuple[list[Store], int]
) -> None:
    stores, as_of = drawn
    windows = data.draw(window_lists(as_of))
    names = sorted({store.zone for store in stores})
    edges = bounds(windows, column([names.index(s.zone) for s in stores]), names, as_of)
    found = figures(filled(stores, as_of), edges)
    for n, store in enumerate(stores):
        expected = reference.summed(
            reference.polled(
                store.polls,
                reference.open_intervals(store.hours, store.zone, as_of - LOOKBACK, as_of),
                as_of=as_of,
                lookback=LOOKBACK,
                interpolation="nearest",
                radius=HOUR,
            ),
            list(zip(edges.start[:, n].tolist(), edges.end[:, n].tolist(), strict=True)),
        )
        parts = (found.open, found.up, found.observed, found.corrected)
        assert list(zip(*(part[:, n].tolist() for part in parts), strict=True)) == expected.figures


@pytest.mark.slow
@given(polled_stores())
@settings(max_examples=30, deadline=None)
def test_the_days_of_a_stretch_sum_to_the_stretch(drawn: tuple[list[Store], int]) -> None:
    stores, as_of = drawn
    last = as_of // DAY
    days = [Window(str(n), "dates", n, n + 1) for n in range(last - 10, last + 2)]
    whole = Window("whole", "dates", last - 10, last + 2)
    names = sorted({store.zone for store in stores})
    zone = column([names.index(store.zone) for store in stores])
    found = figures(filled(stores, as_of), bounds([whole, *days], zone, names, as_of))
    for part in (found.open, found.up, found.observed):
        assert (part[0] == part[1:].sum(axis=0)).all()


def test_no_windows_have_no_figures() -> None:
    as_of = utc("2024-01-09 00:00")
    found = figures(filled([Store()], as_of), bounds([], column([0]), ["UTC"], as_of))
    assert found.open.shape == (0, 1)
    assert np.array_equal(found.known, [False])
