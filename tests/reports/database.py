"""Rows that tests of reports put into a database."""

from typing import TypeVar

from openhours.reports.tables import Report
from openhours.times import now
from openhours.uptime.windows import DEFAULT_WINDOWS

T = TypeVar("T")


def new_report(**values: object) -> Report:
    """A report as `trigger` makes it, not yet in a database."""
    defaults: dict[str, object] = {
        "report_id": "r",
        "state": "queued",
        "attempt": 0,
        "progress": 0.0,
        "as_of_polled": None,
        "as_of_beating": now(),
        "interpolation": "nearest",
        "stores": None,
        "lookback_days": 14,
        "heartbeat_expiry_seconds": 150,
        "observed_within_minutes": 60,
        "default_timezone": "UTC",
        "windows": [list(window) for window in DEFAULT_WINDOWS],
        "calendar_timezone": "UTC",
        "zones": [],
        "intervals": False,
        "outages": False,
        "verdicts": False,
        "created_at": now(),
    }
    return Report(**defaults | values)
