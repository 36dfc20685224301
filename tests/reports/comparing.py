"""Reports that are compared over the application's routes."""

from typing import Any

from tests.helpers.database import fetch
from tests.reports.computing import Reports

AS_OF = "2023-01-25T18:00:00Z"  # a Wednesday
DAYS = range(12, 26)


def store(reports: Reports, store_id: str = "a") -> None:
    """A store, open 9 to 17 in UTC, with a poll at 10:00 and one at 14:00, which fails."""
    polls = [f"2023-01-{day:02} {at}" for day in DAYS for at in ("10:00 active", "14:00 inactive")]
    reports.store(store_id, polls, hours="9-17")


def diff(reports: Reports, a: str, b: str, status: int = 200) -> dict[str, Any]:
    answer = reports.client.get(f"/reports/{a}/diff/{b}")
    assert answer.status_code == status, answer.text
    found: dict[str, Any] = answer.json()
    return found


def sql(reports: Reports, statement: str) -> None:
    fetch(reports.url, statement)
