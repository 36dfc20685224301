"""How figures are written: rounding, empty fields, and a report that goes while it is read."""

import math
from fractions import Fraction
from typing import Any, NamedTuple

import httpx
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from tools.service import Service

from openhours.reports import formats
from openhours.settings import Settings
from openhours.uptime.windows import DEFAULT_WINDOWS
from tests.helpers.database import fetch

UNITS = {"hour": 60_000_000, "day": 3_600_000_000, "week": 3_600_000_000}
WEEK = 7 * 24 * UNITS["day"]


class Sums(NamedTuple):
    """What is kept of a store's window, in µs."""

    open: int
    up: int
    observed: int
    up_observed: int
    corrected: int


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
        draw(st.integers(max(0, up + observed - opened), min(up, observed))),
        draw(times),
    )


stores = st.tuples(st.booleans(), st.fixed_dictionaries({w: sums(u) for w, u in UNITS.items()}))


def expected(known: bool, window: str, of: Sums) -> dict[str, float]:
    """Figures and confidence as in docs/spec.md, part 3, with fractions."""

    def written(us: int, unit: int) -> float:
        return round(Fraction(us * 100, unit)) / 100

    unit = UNITS[window]
    figures = {
        "uptime": written(of.up, unit) if known else math.nan,
        "downtime": written(of.open - of.up, unit) if known else math.nan,
        "coverage": written(of.observed, of.open) if of.open else math.nan,
        "uptime_low": written(of.up_observed, unit),
        "uptime_high": written(of.up_observed + of.open - of.observed, unit),
        "corrected": written(of.corrected, unit),
    }
    return {f"{figure}_last_{window}": value for figure, value in figures.items()}


@given(st.lists(stores, min_size=1, max_size=5))
def test_figures_are_rounded_half_to_even_and_empty_where_nothing_is_known(
    drawn: list[tuple[bool, dict[str, Sums]]],
) -> None:
    rows: dict[str, NDArray[Any]] = {"known": np.array([known for known, _ in drawn])}
    for measure in Sums._fields:
        values = [[getattr(of[window], measure) for window in UNITS] for _, of in drawn]
        rows[measure] = np.array(values, np.int64)
    ids = [str(number) for number in range(len(drawn))]
    found = (
        formats.frame(ids, rows, DEFAULT_WINDOWS, full=True).set_index("store_id").to_dict("index")
    )
    for store_id, (known, windows) in zip(ids, drawn, strict=True):
        wanted = {
            k: v for window in UNITS for k, v in expected(known, window, windows[window]).items()
        }
        assert found[store_id] == pytest.approx(wanted, rel=0, abs=0, nan_ok=True)


def test_the_confidence_columns_come_last_with_a_unit_where_they_have_one() -> None:
    basic = [heading.title for heading in formats.headings(DEFAULT_WINDOWS, False)]
    full = [heading.title for heading in formats.headings(DEFAULT_WINDOWS, True)]
    assert full[: len(basic)] == basic
    assert full[len(basic) :: 3] == [
        "coverage_last_hour",
        "uptime_low_last_hour(in minutes)",
        "uptime_high_last_hour(in minutes)",
        "corrected_last_hour(in minutes)",
    ]


@pytest.mark.parametrize(
    ("us", "written"),
    [(18_000_000, 0), (18_000_001, 1), (54_000_000, 2), (90_000_000, 2), (0, 0)],
)
def test_half_a_hundredth_goes_to_the_even_one(us: int, written: int) -> None:
    assert formats.hundredths(np.array([us]), UNITS["day"]).tolist() == [written]


@pytest.mark.slow
def test_a_report_removed_while_it_is_read_does_not_look_whole(
    settings: Settings, database_url: str
) -> None:
    with Service(settings.data_dir.parent) as service:
        service.upload(
            "status", b"store_id,timestamp_utc,status\n1,2023-01-22 12:00:00 UTC,active\n"
        )
        report = service.trigger()
        assert service.wait_report(report).status_code == 200
        fetch(database_url, "DELETE FROM report_rows RETURNING store")
        query = {"report_id": report}
        for form in ("csv", "json"):
            with pytest.raises(httpx.RemoteProtocolError):
                service.client.get("/get_report", params={**query, "format": form})
        parquet = service.client.get("/get_report", params={**query, "format": "parquet"})
        assert parquet.status_code == 500
