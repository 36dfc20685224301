"""Which stretch of time a page of PCs shows."""

from datetime import UTC, datetime

import pytest

from openhours.errors import Invalid
from openhours.web import pc_range
from openhours.web.pc_range import Asked, neighbours, range_of

BERLIN = "Europe/Berlin"


@pytest.fixture(autouse=True)
def present(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is Tuesday, 31 March 2026, 14:30 in Berlin, two days after the clocks went forward."""
    monkeypatch.setattr(pc_range, "now", lambda: datetime(2026, 3, 31, 12, 30, tzinfo=UTC))


def written(since: str = "", until: str = "", zone: str = "") -> list[str]:
    shown = range_of(Asked(since, until, zone), BERLIN)
    return [f"{at:%d.%m. %H:%M}" for at in (shown.begins, shown.ends)]


def test_without_a_range_it_is_of_seven_local_days_up_to_now() -> None:
    shown = range_of(Asked(), BERLIN)
    assert (shown.since, shown.until, shown.cut, shown.to_now) == (None, None, False, True)
    assert written() == ["24.03. 23:00", "31.03. 12:30"], "from midnight in winter time"
    assert neighbours(shown, BERLIN) == (("2026-03-18T00:00", "2026-03-25T00:00"), None)


def test_bounds_are_local_times_of_the_zone_that_was_named() -> None:
    assert written("2026-03-28T12:00", "2026-03-29T12:00") == ["28.03. 11:00", "29.03. 10:00"]
    assert written("2026-03-28", "2026-03-29", "Asia/Kolkata") == ["27.03. 18:30", "28.03. 18:30"]
    assert written("2026-03-28", "2026-03-29", "Mars") == ["27.03. 23:00", "28.03. 23:00"]


def test_an_end_alone_is_of_the_seven_days_before_it() -> None:
    assert written(until="2026-03-29") == ["21.03. 23:00", "28.03. 23:00"]
    shown = range_of(Asked(until="2026-03-29"), BERLIN)
    assert neighbours(shown, BERLIN) == (("2026-03-15T00:00", "2026-03-22T00:00"), ("", ""))
    earlier = range_of(Asked("2026-03-01", "2026-03-08"), BERLIN)
    assert neighbours(earlier, BERLIN)[1] == ("2026-03-08T00:00", "2026-03-15T00:00")


def test_the_picture_ends_now_and_has_31_days_at_most() -> None:
    shown = range_of(Asked("2026-01-01", "2027-01-01"), BERLIN)
    assert shown.since == datetime(2025, 12, 31, 23, tzinfo=UTC)
    assert (shown.begins, shown.cut) == (datetime(2026, 2, 28, 23, tzinfo=UTC), True)
    assert (shown.ends, shown.to_now) == (datetime(2026, 3, 31, 12, 30, tzinfo=UTC), True)


@pytest.mark.parametrize(
    ("since", "until", "field"),
    [
        ("x", "", "from"),
        ("", "x", "to"),
        ("2026-03-31T14:30", "", "from"),
        ("2026-04-01", "2026-05-01", "from"),
        ("2026-03-29", "2026-03-29", "to"),
        ("2026-03-29T04:00", "2026-03-29T03:30", "to"),
    ],
)
def test_a_bad_bound_is_named(since: str, until: str, field: str) -> None:
    with pytest.raises(Invalid) as caught:
        range_of(Asked(since, until), BERLIN)
    assert [problem.path for problem in caught.value.problems] == [("query", field)]
