"""Sentences that say why a store counts as it does."""

import pytest

from openhours.reports.explain import (
    explain_hours,
    explain_instant,
    opening_and_closing,
    utc_offset,
)
from openhours.reports.timeline import HoursRow
from openhours.stores.tables import BEATING, POLLED
from tests.reports.test_timeline import timeline
from tests.uptime.columns import Store, clock, utc

MONDAY = [(0, clock("09:00"), clock("12:00"))]
DENVER = "America/Denver"


@pytest.mark.parametrize(
    ("zone", "written"),
    [
        ("America/Denver", "UTC-6"),
        ("Asia/Kathmandu", "UTC+5:45"),
        ("America/St_Johns", "UTC-2:30"),
        ("UTC", "UTC+0"),
    ],
)
def test_offsets_are_written_as_people_do(zone: str, written: str) -> None:
    assert utc_offset(utc("2023-07-01 00:00"), zone) == written


def test_hours_are_written_with_seconds_only_where_there_are_some() -> None:
    row = HoursRow(0, clock("9:00"), clock("23:59:59"))
    assert opening_and_closing(row) == ("09:00", "23:59:59")


def test_an_instant_inside_a_piece_is_explained_by_the_piece() -> None:
    store = Store(MONDAY, DENVER, [(utc("2023-01-23 17:14"), True)])
    line = timeline(store, POLLED, utc("2023-01-23 19:00"))
    assert explain_instant(line, utc("2023-01-23 17:30")) == (
        "09:14 to 11:14 up: nearest poll 10:14 active; open Mon 09:00-12:00 America/Denver (UTC-7)"
    )


def test_a_closed_instant_does_not_count() -> None:
    store = Store(MONDAY, DENVER, [(utc("2023-01-23 17:14"), True)])
    line = timeline(store, POLLED, utc("2023-01-23 19:00"))
    assert explain_instant(line, utc("2023-01-23 15:00")) == (
        "08:00 not counted; closed, America/Denver (UTC-7)"
    )


def test_before_the_first_heartbeat_nothing_is_known() -> None:
    beat = utc("2023-01-23 10:00")
    line = timeline(Store(beats=[beat], first_heartbeat=beat), BEATING, utc("2023-01-23 11:00"))
    assert explain_instant(line, utc("2023-01-23 09:30")) == (
        "09:30 nothing is known before the first heartbeat; "
        "always open, no business hours known, UTC (UTC+0)"
    )


def test_a_store_without_any_observation_is_not_known() -> None:
    line = timeline(Store(MONDAY), None, utc("2023-01-23 12:00"))
    assert (line.known, line.figures, list(line.pieces)) == (False, None, [])
    assert explain_instant(line, utc("2023-01-23 10:30")) == (
        "10:30 nothing is known, no observation yet; open Mon 09:00-12:00 UTC (UTC+0)"
    )


def test_all_rows_by_which_a_store_is_open_are_named() -> None:
    rows = [(0, clock("10:00"), clock("15:00")), (0, clock("09:00"), clock("12:00"))]
    line = timeline(Store(rows), POLLED, utc("2023-01-23 19:00"))
    assert explain_hours(line, utc("2023-01-23 11:00")) == (
        "open Mon 09:00-12:00, Mon 10:00-15:00 UTC (UTC+0)"
    )
