"""A report's options, and its description."""

import json
from datetime import UTC, datetime, timedelta

import pytest
from pydantic import ValidationError

from openhours.reports.schemas import ReportOptions, report_info
from tests.reports.database import new_report

T = datetime(2023, 1, 23, 6, tzinfo=UTC)


def test_options_are_all_optional() -> None:
    options = ReportOptions()
    assert (options.as_of, options.interpolation, options.store_ids) == (None, "nearest", None)


@pytest.mark.parametrize(
    "options",
    [
        {"as_of": "2023-01-01T00:00:00"},
        {"as_of": "2999-01-01T00:00:00Z"},
        {"interpolation": "cubic"},
        {"store_ids": []},
        {"store_ids": [""]},
        {"store_ids": ["x" * 65]},
        {"store_ids": [12]},
        {"store_ids": ["a\0b"]},
        {"windows": ["last_hour"], "unknown": 1},
    ],
)
def test_wrong_options_are_refused(options: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        ReportOptions.model_validate_json(json.dumps(options))


def test_a_queued_report_is_running_and_has_windows_per_feed() -> None:
    info = report_info(new_report(as_of_beating=T, stores=[1, 2]), "").model_dump(mode="json")
    assert (info["status"], info["progress"], info["duration_seconds"]) == ("Running", 0.0, None)
    assert info["polled"] is None, "there was no poll"
    assert info["stores_asked"] == 2
    assert info["beating"] == {
        "as_of": "2023-01-23T06:00:00.000000Z",
        "looks_back_to": "2023-01-09T06:00:00.000000Z",
        "last_hour": {
            "start": "2023-01-23T05:00:00.000000Z",
            "end": "2023-01-23T06:00:00.000000Z",
        },
        "last_day": {
            "start": "2023-01-22T06:00:00.000000Z",
            "end": "2023-01-23T06:00:00.000000Z",
        },
        "last_week": {
            "start": "2023-01-16T06:00:00.000000Z",
            "end": "2023-01-23T06:00:00.000000Z",
        },
    }


def test_a_complete_report_says_how_long_it_took_and_where_its_rows_are() -> None:
    report = new_report(
        report_id="abc",
        state="complete",
        as_of_polled=T,
        row_count=7,
        started_at=T,
        finished_at=T + timedelta(milliseconds=1500),
    )
    info = report_info(report, "")
    assert (info.status, info.row_count, info.duration_seconds) == ("Complete", 7, 1.5)
    assert info.polled is not None
    assert info.polled.as_of == T
    assert info.url == "/get_report/abc"
