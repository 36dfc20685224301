from datetime import datetime, timedelta

import numpy as np
import pytest
import pytz

from openhours.times import local_time
from openhours.uptime.clocks import to_utc
from tests.uptime import reference
from tests.uptime.columns import utc
from tests.uptime.reference import DAY, HOUR
from tests.uptime.strategies import clock_changes

UNIX = datetime(1970, 1, 1)  # noqa: DTZ001


@pytest.mark.parametrize("zone", pytz.all_timezones)
def test_every_clock_change_of_every_zone(zone: str) -> None:
    local = []
    for at, before, after in clock_changes(zone):
        low, high = sorted((at + before, at + after))
        local += [low - DAY, low - 1, low, (low + high) // 2, high - 1, high, high + DAY]
    naive = [UNIX + timedelta(microseconds=at) for at in local]
    expected = [reference.to_utc(at, reference.zone_info(zone)) for at in naive]
    assert to_utc(np.array(local, np.int64), zone).tolist() == expected


@pytest.mark.parametrize(
    ("zone", "local", "expected"),
    [
        ("America/Chicago", "2023-01-22 09:00", "2023-01-22 15:00"),
        ("America/Chicago", "2023-03-12 02:30", "2023-03-12 08:00"),  # skipped
        ("America/Chicago", "2023-11-05 01:30", "2023-11-05 06:30"),  # the first of two
        ("America/Anchorage", "2023-03-12 02:30", "2023-03-12 11:00"),
        ("Australia/Lord_Howe", "2023-10-01 02:10", "2023-09-30 15:30"),
        ("Australia/Lord_Howe", "2023-04-02 01:45", "2023-04-01 14:45"),
        ("America/Sao_Paulo", "2018-11-04 00:00", "2018-11-04 03:00"),
        ("America/St_Johns", "2010-03-14 00:30", "2010-03-14 03:31"),
        ("Europe/Dublin", "2023-10-29 01:30", "2023-10-29 00:30"),
        ("Pacific/Apia", "2011-12-30 12:00", "2011-12-30 10:00"),  # a whole day skipped
        ("Pacific/Kwajalein", "1993-08-21 12:00", "1993-08-21 12:00"),
        ("Asia/Kathmandu", "2023-01-01 00:00", "2022-12-31 18:15"),
        ("Etc/GMT+5", "2023-01-01 00:00", "2023-01-01 05:00"),
        ("UTC", "2023-01-01 00:00", "2023-01-01 00:00"),
    ],
)
def test_by_hand(zone: str, local: str, expected: str) -> None:
    assert to_utc(np.array([utc(local)]), zone).tolist() == [utc(expected)]


def test_time_never_runs_back() -> None:
    local = np.arange(utc("2011-12-01 00:00"), utc("2012-01-31 00:00"), HOUR // 4)
    assert (np.diff(to_utc(local, "Pacific/Apia")) >= 0).all()


@pytest.mark.parametrize("zone", ["America/Denver", "Asia/Kathmandu", "Etc/GMT+5", "UTC"])
def test_the_clock_shows_the_local_time_of_an_instant(zone: str) -> None:
    at = utc("2023-07-01 12:34")
    shown = local_time(at, zone)
    wall = int((shown.replace(tzinfo=None) - UNIX) / timedelta(microseconds=1))
    assert to_utc(np.array([wall]), zone).tolist() == [at]


def test_keeps_the_shape() -> None:
    assert to_utc(np.zeros((2, 3), np.int64), "Asia/Tokyo").shape == (2, 3)


def test_an_unknown_zone_is_an_error() -> None:
    with pytest.raises(pytz.UnknownTimeZoneError):
        to_utc(np.zeros(1, np.int64), "Mars/Olympus_Mons")
