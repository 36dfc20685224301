"""Sessions x periods: local midnights, long and short days, overlaps. Pure."""

import itertools
from datetime import UTC, date, datetime

from hypothesis import given
from hypothesis import strategies as st

from openhours.times import from_us, to_us
from openhours.work_sessions.periods import (
    By,
    Period,
    Worked,
    covered_ms,
    fill,
    overlaps,
    periods,
    usual_start,
)

HOUR = 3_600_000_000


def at(text: str) -> int:
    return to_us(datetime.fromisoformat(text).replace(tzinfo=UTC))


def hours(found: list[Period]) -> list[tuple[str, float]]:
    return [(str(one.day), (one.end - one.start) / HOUR) for one in found]


def test_days_have_23_24_and_25_hours() -> None:
    spring = periods("day", "Europe/Berlin", 0, at("2024-03-29T23:00"), at("2024-04-01T22:00"))
    assert hours(spring) == [("2024-03-30", 24), ("2024-03-31", 23), ("2024-04-01", 24)]
    autumn = periods("day", "America/New_York", 0, at("2024-11-02T04:00"), at("2024-11-05T05:00"))
    assert hours(autumn) == [("2024-11-02", 24), ("2024-11-03", 25), ("2024-11-04", 24)]


def test_a_day_begins_when_its_skipped_midnight_has_passed() -> None:
    # In São Paulo 2018-11-04 began at 01:00.
    found = periods("day", "America/Sao_Paulo", 0, at("2018-11-03T03:00"), at("2018-11-05T02:00"))
    assert hours(found) == [("2018-11-03", 24), ("2018-11-04", 23)]


def test_a_day_that_never_was_is_not_listed() -> None:
    found = periods("day", "Pacific/Apia", 0, at("2011-12-29T10:00"), at("2011-12-31T10:00"))
    assert [str(one.day) for one in found] == ["2011-12-29", "2011-12-31"]


def test_weeks_and_months_are_cut_to_the_range() -> None:
    start, end = at("2024-02-14T00:00"), at("2024-03-05T12:00")
    weeks = periods("week", "UTC", 0, start, end)
    assert [str(one.day) for one in weeks] == [
        "2024-02-12", "2024-02-19", "2024-02-26", "2024-03-04",
    ]  # fmt: skip
    assert (weeks[0].start, weeks[-1].end) == (start, end)
    sundays = periods("week", "UTC", 6, start, end)
    assert str(sundays[0].day) == "2024-02-11"
    months = periods("month", "UTC", 0, start, end)
    assert hours(months) == [("2024-02-01", 16 * 24), ("2024-03-01", 4 * 24 + 12)]


def test_a_session_across_midnight_is_split() -> None:
    found = periods("day", "Asia/Kolkata", 0, at("2024-01-01T18:30"), at("2024-01-03T18:30"))
    fill(found, [Worked(1, "night", at("2024-01-02T17:00"), at("2024-01-02T20:00"))])
    assert [one.ms_by_name["night"] / 3_600_000 for one in found] == [1.5, 1.5]


def test_overlaps_are_told_and_counted_in_each_session() -> None:
    worked = [
        Worked(1, "a", 0, 4 * HOUR),
        Worked(2, "b", 3 * HOUR, 6 * HOUR),
        Worked(3, "c", 6 * HOUR, 7 * HOUR),  # touches only
        Worked(4, "d", 9 * HOUR, 12 * HOUR),
        Worked(5, "e", 10 * HOUR, 11 * HOUR),
        Worked(6, "f", 10 * HOUR, 10 * HOUR),  # empty
    ]
    found = overlaps(worked, 0, 20 * HOUR)
    assert [(one.start // HOUR, one.end // HOUR, one.sessions) for one in found] == [
        (3, 4, (1, 2)),
        (10, 11, (4, 5)),
    ]
    assert covered_ms(worked, 0, 20 * HOUR) == 10 * 3_600_000
    assert [one.end // HOUR for one in overlaps(worked, 0, 10 * HOUR)] == [4]


def test_the_usual_range() -> None:
    last = date(2024, 3, 13)
    assert usual_start("day", 0, last) == date(2024, 3, 7)
    assert usual_start("week", 0, last) == date(2024, 1, 22)
    assert usual_start("month", 0, last) == date(2023, 4, 1)
    assert usual_start("month", 0, date(2023, 12, 31)) == date(2023, 1, 1)


instants = st.integers(at("2018-01-01T00:00"), at("2019-01-01T00:00"))
zones = st.sampled_from(
    ["UTC", "Europe/Berlin", "America/St_Johns", "Australia/Lord_Howe", "America/Sao_Paulo"]
)


@given(
    by=st.sampled_from(["day", "week", "month"]),
    zone=zones,
    week_starts_on=st.integers(0, 6),
    bounds=st.lists(instants, min_size=2, max_size=2, unique=True).map(sorted),
    lengths=st.lists(st.tuples(instants, st.integers(0, 40 * 86_400_000)), max_size=6),
)
def test_nothing_is_lost_and_nothing_is_counted_twice(
    by: By,
    zone: str,
    week_starts_on: int,
    bounds: list[int],
    lengths: list[tuple[int, int]],
) -> None:
    start, end = bounds
    found = periods(by, zone, week_starts_on, start, end)
    assert [found[0].start, found[-1].end] == [start, end]
    assert all(one.end == other.start for one, other in itertools.pairwise(found))
    worked = [
        Worked(number, str(number), begins, begins + ms * 1000)
        for number, (begins, ms) in enumerate(lengths)
    ]
    fill(found, worked)
    for session in worked:
        inside = max(0, min(session.end, end) - max(session.start, start))
        counted = sum(one.ms_by_name[session.name] for one in found)
        whole = start <= session.start and session.end <= end
        assert counted == inside // 1000 if whole else abs(counted - inside / 1000) <= 1
    # Against the definition, on the instants where anything changes.
    points = sorted({start, end} | {p for one in worked for p in (one.start, one.end)})
    points = [point for point in points if start <= point <= end]
    several = 0
    for left, right in itertools.pairwise(points):
        running = [one for one in worked if one.start <= left and right <= one.end]
        several += (right - left) * (len(running) > 1)
    assert sum(one.end - one.start for one in overlaps(worked, start, end)) == several


def test_periods_are_what_a_calendar_says() -> None:
    (only,) = periods("month", "Europe/Berlin", 0, at("2024-05-10T00:00"), at("2024-05-11T00:00"))
    assert (only.day, from_us(only.start).day) == (date(2024, 5, 1), 10)
