"""Stores of two regions, of another one, and of none, for tests of groups."""

from tests.reports.computing import Reports

T = "2023-01-20T15:30:00Z"
# A day before T: all of it up, half of it, till noon; the last is polled only while it is closed,
# and so unknown.
UP, HALF = ["2023-01-20 10:00 active"], ["2023-01-20 09:30 active", "2023-01-19 21:30 inactive"]
NOON, CLOSED = ["2023-01-20 09:30 active", "2023-01-20 12:30 inactive"], ["2023-01-20 03:00 active"]


def add_stores(reports: Reports, far: str) -> None:
    """West: one up, one half of the day; east: one unknown; one without a region; one in `far`."""
    for store, polls, hours, region in (
        ("a", UP, "", "west"),
        ("b", HALF, "", "west"),
        ("c", CLOSED, "9-17", "east"),
        ("d", UP, "9-17", ""),
        ("e", NOON, "9-17", far),
    ):
        reports.store(store, polls, hours=hours)
        reports.label(store, region=region, name=f"the {store}")
