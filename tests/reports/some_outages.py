"""Stores with outages, and the list of a report's."""

from typing import Any

from tests.helpers.csv_files import ID
from tests.reports.computing import Reports

OPTIONS: dict[str, Any] = {"outages": True, "as_of": "2023-01-20T14:00:00Z"}


def at(text: str) -> str:
    return f"2023-01-{text}:00.000000Z".replace(" ", "T")


def stores(reports: Reports) -> None:
    """One down over night and at the end, one down a week before, one up, one unknown."""
    reports.store(
        f"{ID}2",
        [
            "2023-01-18 16:00 active",
            "2023-01-18 16:30 inactive",
            "2023-01-19 09:30 inactive",
            "2023-01-19 10:00 active",
            "2023-01-20 14:00 inactive",
        ],
        hours="9-17",
    )
    reports.store(
        f"{ID}10",
        [f"2023-01-{at}" for at in ("09 12:00 active", "09 13:00 inactive", "09 14:00 active")],
        hours="9-17",
    )
    reports.store("up", ["2023-01-20 15:00 active"])
    reports.store("closed", ["2023-01-20 03:00 inactive"], hours="9-17")


def lines(reports: Reports, report_id: str) -> list[str]:
    answer = reports.client.get(f"/reports/{report_id}/outages")
    assert answer.status_code == 200, answer.text
    return list(answer.text.splitlines())
