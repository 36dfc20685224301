"""The job of a report, on a real database."""

from tests.helpers.database import fetch
from tests.reports.computing import Reports

POLLS = ["2022-11-02 10:00 active", "2023-01-18 10:00 active", "2023-01-20 15:30 active"]
DAYS = "SELECT day::text, packed FROM observation_days ORDER BY day"
# That of November is before all that a report looks at.
READ = [("2022-11-02", False), ("2023-01-18", True), ("2023-01-20", True)]
UPTIME, DOWNTIME = 2, 5  # of the last day, in hours


def test_days_that_were_changed_by_hand_are_packed_before_they_are_read(reports: Reports) -> None:
    reports.store("7", POLLS)
    assert fetch(reports.url, DAYS) == [(day, False) for day, _ in READ]
    up = reports.csv(reports.report())[1].split(",")
    assert fetch(reports.url, DAYS) == READ
    fetch(reports.url, "UPDATE observations SET active = false")
    assert fetch(reports.url, DAYS) == [(day, False) for day, _ in READ]
    down = reports.csv(reports.report())[1].split(",")
    assert fetch(reports.url, DAYS) == READ
    assert (down[UPTIME], down[DOWNTIME]) == (up[DOWNTIME], up[UPTIME])
    assert up[UPTIME] != down[UPTIME]
