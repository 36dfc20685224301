"""`createdAt` as clients send it."""

from datetime import UTC, datetime, timedelta

import pytest

from openhours.work_sessions.dates import parse_created_at

SAME = datetime(2019, 12, 2, 3, 39, 45, tzinfo=UTC)


@pytest.mark.parametrize(
    "text",
    [
        "Mon Dec 02 2019 09:09:45 GMT+0530 (India Standard Time)",
        "Mon, 02 Dec 2019 03:39:45 GMT",
        "Mon Dec 02 2019 09:09:45 GMT+0530",
        "Sun Dec 01 2019 19:39:45 GMT-0800 (Pacific Standard Time)",
        "Mon Dec 02 2019 03:39:45 GMT+0000 (Coordinated Universal Time)",
        "2019-12-02T03:39:45.000Z",
        "2019-12-02T09:09:45+05:30",
    ],
)
def test_the_same_instant(text: str) -> None:
    assert parse_created_at(text) == SAME


@pytest.mark.parametrize(
    "value",
    [
        "Mon Dex 02 2019 09:09:45 GMT+0530",
        "Mon Feb 30 2019 09:09:45 GMT+0530",
        "Sat, 30 Feb 2019 09:09:45 GMT",
        "Mon, 02 Dec 2019 24:09:45 GMT",
        "Mon, 02 Dec 2019 ::::::45 GMT",
        "Mon Dec 02 2019 24:09:45 GMT+0530",
        "Mon Dec 02 2019 09:09:45 GMT+9930",
        "Mon Dec 02 1999 09:09:45 GMT+0530",
        "Mon Dec 02 2019 09:09:45",
        "Mon Dec 02 9999 23:09:45 GMT-1200",
        "Mon Dec 02 0000 09:09:45 GMT+0530",
        "2019-12-02T03:39:45",
        "2019-12-02",
        "\0",
        "",
        1575257985000,
        None,
        pytest.param((datetime.now(UTC) + timedelta(days=1)).isoformat(), id="tomorrow"),
    ],
)
def test_what_is_no_instant_is_said_so(value: object) -> None:
    with pytest.raises(ValueError):
        parse_created_at(value)
