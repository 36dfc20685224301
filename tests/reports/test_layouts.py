"""How figures are written: rounding, empty fields, a line a store or a line a store and window."""

import math
from datetime import UTC, date, datetime
from fractions import Fraction
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from openhours.reports.layouts import Long, Wide
from openhours.reports.tabular import hundredths
from openhours.times import to_days, to_us
from openhours.uptime.windows import DEFAULT_WINDOWS, Window

UNITS = {"hour": 60_000_000, "day": 3_600_000_000, "week": 3_600_000_000}
WEEK = 7 * 24 * UNITS["day"]
AS_OF = datetime(2023, 1, 20, 15, 30, tzinfo=UTC)


class Sums(NamedTuple):
    """What is kept of a store's window, in µs."""

    open: int
    up: int
    observed: int
    corrected: int
    expected: int
    p05: int
    p95: int


@st.composite
def sums(draw: st.DrawFn, unit: int) -> Sums:
    half = unit // 200  # of a hundredth
    times = st.integers(0, WEEK) | st.integers(0, WEEK // half).map(lambda n: n * half)
    opened = draw(times | st.just(0))
    up, observed = (min(draw(times), opened) for _ in range(2))
    return Sums(
        opened,
        up,
        observed,
        *(draw(times) for _ in range(4)),
    )


Drawn = tuple[bool, dict[str, Sums]]
stores = st.tuples(st.booleans(), st.fixed_dictionaries({w: sums(u) for w, u in UNITS.items()}))
several = st.lists(stores, min_size=1, max_size=5)


def written(us: int, unit: int) -> float:
    return round(Fraction(us * 100, unit)) / 100


def expected(known: bool, of: Sums, unit: int) -> dict[str, float]:
    """Figures and confidence as in docs/spec.md, part 3, with fractions."""
    return {
        "uptime": written(of.up, unit) if known else math.nan,
        "downtime": written(of.open - of.up, unit) if known else math.nan,
        "coverage": written(of.observed, of.open) if of.open else math.nan,
        "uptime_expected": written(of.expected, unit) if known else math.nan,
        "uptime_p05": written(of.p05, unit) if known else math.nan,
        "uptime_p95": written(of.p95, unit) if known else math.nan,
        "corrected": written(of.corrected, unit),
    }


def columns(drawn: list[Drawn]) -> tuple[list[str], dict[str, NDArray[Any]]]:
    """Store ids and rows as the database gives them."""
    rows: dict[str, NDArray[Any]] = {
        "known": np.array([known for known, _ in drawn]),
        "zone": np.zeros(len(drawn), np.int64),
    }
    for measure in Sums._fields:
        values = [[getattr(of[window], measure) for window in UNITS] for _, of in drawn]
        rows[measure] = np.array(values, np.int64)
    return [str(number) for number in range(len(drawn))], rows


@pytest.mark.slow
@given(several)
def test_figures_are_rounded_half_to_even_and_empty_where_nothing_is_known(
    drawn: list[Drawn],
) -> None:
    ids, rows = columns(drawn)
    frame = Wide(DEFAULT_WINDOWS, full=True).frame(ids, rows)
    found = frame.set_index("store_id").to_dict("index")
    for store_id, (known, windows) in zip(ids, drawn, strict=True):
        wanted = {
            f"{name}_last_{window}": value
            for window, unit in UNITS.items()
            for name, value in expected(known, windows[window], unit).items()
        }
        assert found[store_id] == pytest.approx(wanted, rel=0, abs=0, nan_ok=True)


@pytest.mark.slow
@given(several)
def test_long_lines_have_the_same_figures_in_hours_and_of_unknown_stores_open_time_alone(
    drawn: list[Drawn],
) -> None:
    ids, rows = columns(drawn)
    frame = long_layout(DEFAULT_WINDOWS, ["UTC"]).frame(ids, rows)
    lines = iter(frame.drop(columns=["start", "end"]).to_dict("records"))
    for store_id, (known, windows) in zip(ids, drawn, strict=True):
        for window in UNITS:
            of = windows[window]
            figures = expected(known, of, UNITS["week"])
            figures["uptime_percent"] = written(of.up * 100, of.open) if of.open else math.nan
            if not known:
                figures = dict.fromkeys(figures, math.nan)
            figures["open"] = written(of.open, UNITS["week"])
            line = next(lines)
            assert (line.pop("store_id"), line.pop("window")) == (store_id, f"last_{window}")
            assert line == pytest.approx(figures, rel=0, abs=0, nan_ok=True)
    assert next(lines, None) is None


def long_layout(windows: tuple[Window, ...], zones: list[str]) -> Long:
    as_of = to_us(AS_OF)
    return Long(
        windows,
        full=True,
        outages=False,
        verdicts=False,
        zones=zones,
        as_of_polled=as_of,
        as_of_beating=as_of + 1,
    )


def bounds_of(windows: tuple[Window, ...], zones: list[str], store_ids: list[str]) -> list[str]:
    """Where windows begin and end of stores that are each in another zone."""
    count = len(store_ids)
    zeros = np.zeros((count, len(windows)), np.int64)
    rows: dict[str, NDArray[Any]] = {
        "known": np.ones(count, np.bool_),
        "zone": np.arange(count),
        **dict.fromkeys(Sums._fields, zeros),
    }
    frame = long_layout(windows, zones).frame(store_ids, rows)

    def text(at: pd.Timestamp) -> str:
        return f"{at:%d %H:%M:%S.%f}".removesuffix(":00.000000")

    return [
        f"{text(start)} - {text(end)}" for start, end in zip(frame.start, frame.end, strict=True)
    ]


def days(name: str, first: int, beyond: int) -> Window:
    return Window(name, "dates", *(to_days(date(2023, 1, day)) for day in (first, beyond)))


def test_a_local_day_begins_and_ends_for_each_store_in_its_own_zone() -> None:
    zones = ["Asia/Tokyo", "America/Chicago"]
    assert bounds_of((days("a", 18, 19), days("b", 19, 20)), zones, ["s", "t"]) == [
        "17 15:00 - 18 15:00",
        "18 15:00 - 19 15:00",
        "18 06:00 - 19 06:00",
        "19 06:00 - 20 06:00",
    ]


def test_a_window_ends_at_t_and_one_that_has_not_begun_in_a_zone_is_empty_there() -> None:
    """On the 21st at 00:30 in Tokyo, when it is the 20th in Chicago."""
    zones = ["Asia/Tokyo", "America/Chicago"]
    assert bounds_of((days("a", 21, 22),), zones, ["s", "t"]) == [
        "20 15:00 - 20 15:30",
        "20 15:30 - 20 15:30",
    ]


def test_the_t_of_a_store_is_that_of_its_feed() -> None:
    window = Window("PT1H", "elapsed", -UNITS["week"], 0)
    assert bounds_of((window,), ["UTC", "UTC"], ["s", "pc:s"]) == [
        "20 14:30 - 20 15:30",
        "20 14:30:00.000001 - 20 15:30:00.000001",
    ]


def test_the_confidence_columns_come_last_with_a_unit_where_they_have_one() -> None:
    basic = [heading.title for heading in Wide(DEFAULT_WINDOWS, False).headings]
    full = [heading.title for heading in Wide(DEFAULT_WINDOWS, True).headings]
    assert full[: len(basic)] == basic
    assert full[len(basic) :: 3] == [
        "coverage_last_hour",
        "uptime_expected_last_hour(in minutes)",
        "uptime_p05_last_hour(in minutes)",
        "uptime_p95_last_hour(in minutes)",
        "corrected_last_hour(in minutes)",
    ]


@pytest.mark.parametrize(
    ("us", "written"),
    [(18_000_000, 0), (18_000_001, 1), (54_000_000, 2), (90_000_000, 2), (0, 0)],
)
def test_half_a_hundredth_goes_to_the_even_one(us: int, written: int) -> None:
    assert hundredths(np.array([us]), UNITS["day"]).tolist() == [written]
