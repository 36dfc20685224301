"""PCs are no stores: neither in a headline, nor in counts, nor among those that got worse."""

from collections.abc import Iterator

import pytest

from openhours.settings import Settings
from tests.helpers.html import get_page
from tests.reports.computing import Reports, reporting

T, WEEK_BEFORE = "2023-01-24T17:00:00Z", "2023-01-17T17:00:00Z"


@pytest.fixture
def reports(settings: Settings) -> Iterator[Reports]:
    with reporting(settings) as found:
        for day in (12, 20):
            beat = {"pc": "desk", "event_time": f"2023-01-{day}T10:00:00Z"}
            assert found.client.post("/track", json=beat).status_code == 201
        yield found


def test_the_overview_and_a_report_count_stores_alone(reports: Reports) -> None:
    reports.store("a", ["2023-01-20 12:00 active"])
    reports.store("b", ["2023-01-24 12:00 active", "2023-01-24 14:00 inactive"])
    report_id = reports.report(as_of=T)
    page = get_page(reports.client, "/")
    assert page.text("h1") == "1 of 2 open stores had no downtime"
    assert page.texts("main .legend li") == ["1 no downtime", "1 some downtime"]
    assert page.texts("table.stores tbody th a") == ["b"]
    page = get_page(reports.client, f"/reports/{report_id}")
    label = page.attribute(".histogram", "aria-label")
    assert label.startswith("Distribution of uptime in the last week: 1 of 2 stores with no")
    assert page.texts("section[aria-labelledby=all-heading] h2")[:2] == [
        "All stores together", "All PCs together",
    ]  # fmt: skip
    assert (
        page.texts("[aria-label='Windows of stores'] tbody tr")[0] == "Last hour 1 h 1 h 50 % 0 %"
    )
    assert page.texts("[aria-label='Windows of PCs'] tbody tr")[0] == "Last hour 0 h 1 h 0 % 100 %"


def test_where_there_are_only_pcs_they_are_on_and_off(reports: Reports) -> None:
    report_id = reports.report(as_of="2023-01-20T10:02:00Z")
    page = get_page(reports.client, "/")
    assert page.text("h1") == "0 of 1 PC on throughout"
    assert page.texts("main .legend li") == ["1 on for a part"]
    assert "0.1 % of all open time was on" in page.text(".hero")
    assert "Longest downtime" not in page.text()
    page = get_page(reports.client, f"/reports/{report_id}")
    assert page.text("#uptime-heading") == "Uptime by PC"
    assert page.text("section[aria-labelledby=all-heading] h2") == "All PCs together"


@pytest.mark.slow
def test_a_report_is_compared_with_the_one_a_week_earlier(reports: Reports) -> None:
    """Neither with the last one before, nor with one as of hours before, nor as to PCs."""
    reports.store("better", ["2023-01-16 12:00 inactive", "2023-01-18 12:00 active"])
    reports.store("same", ["2023-01-16 12:00 active"])
    reports.store("worse", ["2023-01-16 12:00 active", "2023-01-23 12:00 inactive"])
    earlier = reports.report(as_of=WEEK_BEFORE)
    reports.report(as_of="2023-01-19T17:00:00Z")
    report_id = reports.report(as_of=T)
    reports.report(as_of="2023-01-24T15:00:00Z")
    page = get_page(reports.client, f"/reports/{report_id}")
    compared = page.text("section[aria-labelledby=all-heading]")
    assert compared.endswith(
        "Compared with the report a week earlier As of Tue 17 Jan 2023, 17:00 UTC , by weekly "
        "uptime: 1 store worse , 1 better , 1 the same."
    )
    assert page.all(f"a[href='/reports/{earlier}']")
    for name in ("worse", "better"):
        assert page.texts(f"#{name} tbody th a") == [name]
        assert (
            page.attribute(f"#{name} tbody th a", "href") == f"/stores/{name}?report_id={report_id}"
        )
    first = get_page(reports.client, f"/reports/{earlier}")
    assert "no report of all stores as of about a week earlier" in first.text()


def test_a_change_that_rounds_to_nothing_is_none(reports: Reports) -> None:
    """A minute of a week is 0.01 %, 17 minutes are 0.17 %."""
    for store, minutes in (("minute", 1), ("longer", 17)):
        polls = [
            "2023-01-10 12:00 active",
            "2023-01-18 12:00 active",
            "2023-01-18 13:00 inactive",
            f"2023-01-18 13:{minutes - 1:02d}:30 inactive",
            f"2023-01-18 13:{minutes:02d} active",
        ]
        reports.store(store, polls)
        up = {"store_ids": [store], "from": "2023-01-18T12:00:00Z", "to": "2023-01-18T13:00:00Z"}
        how = {"treat_as": "up", "category": "other", "reason": "closed for a while"}
        assert reports.client.post("/corrections", json=up | how).status_code == 201
    reports.report(as_of=WEEK_BEFORE)
    page = get_page(reports.client, f"/reports/{reports.report(as_of=T)}")
    assert "1 store worse , none better, 1 the same." in page.text()
    assert page.texts("#worse tbody th a") == ["longer"]
