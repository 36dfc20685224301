"""The week that a store's page shows: which one, its figures, and what to tell others of it."""

from collections.abc import Iterator

import pytest

from openhours.settings import Settings
from tests.helpers.html import get_page
from tests.reports.computing import Reports, reporting

DENVER = "America/Denver"


@pytest.fixture
def reports(settings: Settings) -> Iterator[Reports]:
    """A store that was up in its last week, half a day down in the one before, and once in 2022."""
    with reporting(settings) as found:
        polls = [
            "2022-12-01 18:00 active",
            "2022-12-02 18:00 inactive",
            "2022-12-03 18:00 active",
            "2023-01-11 18:00 active",
            "2023-01-12 18:00 inactive",
            "2023-01-13 18:00 active",
            "2023-01-24 17:00 active",
        ]
        found.store("a", polls, DENVER, hours="9-17")
        found.label("a", name="Elm Street")
        yield found


def test_the_tiles_are_of_the_week_that_is_drawn(reports: Reports) -> None:
    page = get_page(reports.client, "/stores/a")
    assert page.text("#week-heading") == "17–24 Jan 2023"
    assert page.texts(".tile strong") == ["100 %"] * 2 + ["100 %"]
    earlier = get_page(reports.client, "/stores/a", back=1)
    assert earlier.text("#week-heading") == "10–17 Jan 2023"
    assert earlier.texts(".tile strong") == ["85.7 %"]
    assert earlier.texts(".tile > span")[0] == "10–17 Jan 2023: 48 h up, 8 h down"
    assert earlier.texts(".pager > a") == ["Later week"]


@pytest.mark.parametrize(
    ("date", "heading", "outages"),
    [
        ("2023-01-24", "17–24 Jan 2023", 0),
        ("2023-01-18", "17–24 Jan 2023", 0),
        ("2023-01-12", "10–17 Jan 2023", 1),
        # Before all that is looked back to: the seven days that end with the date.
        ("2022-12-04", "28 Nov – 4 Dec 2022", 1),
        ("2022-11-01", "26 Oct – 1 Nov 2022", 0),
        ("", "17–24 Jan 2023", 0),
    ],
)
def test_any_week_is_found_by_a_date(
    reports: Reports, date: str, heading: str, outages: int
) -> None:
    page = get_page(reports.client, "/stores/a", date=date)
    assert page.text("#week-heading") == heading
    assert len(page.all("#outages li")) == outages
    if date == "2022-12-04":
        assert page.attribute("#date", "value") == date
        assert page.texts(".tile strong")[2] == "85.7 %"
        assert "as_of=2022-12-05T07" in page.attribute(".pager > a", "href")
        assert "as_of=2022-12-05T07" in page.attribute("#outages li a", "href")


def test_a_report_s_weeks_are_those_that_it_looks_back_to(reports: Reports) -> None:
    report_id = reports.report()
    page = get_page(reports.client, "/stores/a", report_id=report_id, date="2023-01-12")
    assert page.text("#week-heading") == "10–17 Jan 2023"
    assert f"report_id={report_id}" in page.attribute(".pager > a", "href")
    assert f"report_id={report_id}" in page.attribute("#outages li a", "href")
    limits = page.one("#date").attributes
    assert (limits["min"], limits["max"]) == ("2023-01-10", "2023-01-24")
    early = get_page(reports.client, "/stores/a", 422, report_id=report_id, date="2022-12-04")
    assert early.text("main li").startswith("date: the report looks back to Tue 10 Jan 2023, 10:00")


@pytest.mark.parametrize(
    ("date", "message"),
    [
        ("2023-01-25", "after the newest data, Tue 24 Jan 2023, 10:00 America/Denver"),
        ("1999-12-31", "not a date since 2000"),
        ("9999-12-31", "not a date since 2000"),
        ("monday", "input should be a valid date"),
    ],
)
def test_what_is_no_date_of_the_store_is_named(reports: Reports, date: str, message: str) -> None:
    page = get_page(reports.client, "/stores/a", 422, date=date)
    assert page.text("main li").lower().startswith(f"date: {message}".lower())


def test_the_summary_tells_the_week_and_its_outages(reports: Reports) -> None:
    page = get_page(reports.client, "/stores/a", back=1)
    assert page.one("#summary").text().splitlines() == [
        "Elm Street (a)",
        "Tue 10 Jan 2023, 10:00 to Tue 17 Jan 2023, 10:00 America/Denver",
        "85.7 % of open time up: 48 h up, 8 h down",
        "Down Thu 12 Jan 09:00 to 17:00, 8 h",
    ]
    assert page.texts("#outages li a") == page.one("#summary").text().splitlines()[3:]


def test_an_outage_is_one_block_a_day_however_many_polls_it_has(reports: Reports) -> None:
    polls = [
        f"2023-01-{day} {n // 6:02d}:{n % 6}0 {'inactive' if down else 'active'}"
        for day, n, down in (
            *((23, n, n >= 120) for n in range(144)),
            *((24, n, n < 64) for n in range(100)),
        )
    ]
    reports.store("often", polls)
    page = get_page(reports.client, "/stores/often")
    labels = [str(node.attributes["aria-label"]) for node in page.all(".day a")]
    assert [label.partition(";")[0] for label in labels[:4]] == [
        "00:00 to 10:35 down: polls 00:00 to 10:30, all 64 inactive",
        "10:35 to 17:00 up: polls 10:40 to 16:30, all 36 active",
        "00:00 to 19:55 up: polls 00:00 to 19:50, all 120 active",
        "19:55 to Tue 24 Jan 00:00 down: polls 20:00 to Tue 24 Jan 00:00, all 25 inactive",
    ]
    assert page.texts("#outages li a") == ["Down Mon 23 Jan 19:55 to Tue 24 Jan 10:35, 14 h 40 min"]
