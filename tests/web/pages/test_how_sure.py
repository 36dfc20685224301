"""Whether intervals can be trusted, and where the true uptime lies, on the pages."""

import json
import re
from collections.abc import Iterator, Sequence

import pytest

from openhours.settings import Settings
from tests.helpers.database import fetch
from tests.helpers.html import Html, get_page
from tests.helpers.seed import week_of_polls
from tests.reports.computing import Reports, reporting

pytestmark = pytest.mark.slow

T = "2023-01-22T05:00:00Z"
STORES, HOURS = 12, 150


@pytest.fixture
def reports(settings: Settings, database_url: str) -> Iterator[Reports]:
    """Stores that are polled every hour; two of three are down now and then, the first always."""
    up = "s > 1 AND (s % 3 = 0 OR (n * 7 + s * 13) % (5 + s) > 1)"
    for statement in week_of_polls(STORES, HOURS, "1 hour", up):
        fetch(database_url, statement)
    fetch(database_url, f"INSERT INTO feed_clocks VALUES ('polled', '{T}')")
    with reporting(settings) as found:
        yield found


def report_page(reports: Reports, report_id: str, table: Sequence[Sequence[int]] | None) -> Html:
    """The page of the report, if this was what came of its polls held out."""
    kept = "NULL" if table is None else f"'{json.dumps(table)}'::jsonb"
    fetch(reports.url, f"UPDATE reports SET calibration = {kept} WHERE report_id = '{report_id}'")
    return get_page(reports.client, f"/reports/{report_id}")


def test_what_was_said_of_polls_is_drawn_against_what_they_were(reports: Reports) -> None:
    report_id = reports.report(intervals=True)
    kept = reports.client.get(f"/reports/{report_id}/calibration").json()["bins"]
    page = get_page(reports.client, f"/reports/{report_id}")
    assert len(page.all(".reliability circle")) == len(kept) > 1
    rows = page.texts("section[aria-labelledby=sure-heading] tbody tr")
    assert [int(row.split()[-1]) for row in rows] == [one["polls"] for one in kept]
    # Half said to be up were: in the middle, as low as the left end of the line. All: above it.
    page = report_page(reports, report_id, [[50_000_000, 25, 100], [400_000_000, 400, 400]])
    dots = [
        tuple(dot.attributes[name] for name in ("cx", "cy", "r"))
        for dot in page.all(".reliability circle")
    ]
    assert dots == [("138.0", "137.0", "5.5"), ("220.0", "20.0", "11.0")]
    assert (
        page.texts(".reliability circle title")[0]
        == "100 polls: 50 % predicted to be up, 25 % were"
    )
    assert page.texts("section[aria-labelledby=sure-heading] tbody tr") == [
        "50 % 25 % 100", "100 % 100 % 400",
    ]  # fmt: skip


def test_intervals_that_do_not_come_true_are_warned_of(reports: Reports) -> None:
    report_id = reports.report(intervals=True)
    good = report_page(reports, report_id, [[950_000_000, 900, 1000]])
    assert good.all("[role=alert]") == []
    assert (
        "They do: prediction and outcome differ by 5.0 percentage points on average." in good.text()
    )
    bad = report_page(reports, report_id, [[950_000_000, 890, 1000]])
    warning = bad.text("[role=alert]")
    assert warning.startswith("Do not trust the intervals of this data. ")
    assert "differ by 6.0 percentage points on average, more than 5:" in warning
    assert "They do not." in bad.text()


def test_a_few_polls_do_not_tell(reports: Reports) -> None:
    report_id = reports.report(intervals=True)
    few = report_page(reports, report_id, [[150_000_000, 10, 199]])
    assert "There are too few polls to tell" in few.text()
    assert few.all("[role=alert]") == []
    assert (
        "1 poll was hidden" in report_page(reports, report_id, [[0, 0, 0], [900_000, 1, 1]]).text()
    )
    for table in (None, [[0, 0, 0]]):
        none = report_page(reports, report_id, table)
        assert "No store has enough polls" in none.text("section[aria-labelledby=sure-heading]")
        assert none.all(".reliability") == []


def test_a_report_of_other_windows_says_it_too(reports: Reports) -> None:
    report_id = reports.report(intervals=True, windows=["P2D"])
    assert get_page(reports.client, f"/reports/{report_id}").all(".reliability") != []


def test_the_worst_stores_have_their_interval_on_the_bar_and_in_words(reports: Reports) -> None:
    report_id = reports.report(intervals=True)
    rows = {
        row["store_id"]: row
        for row in reports.client.get(
            f"/get_report/{report_id}", params={"format": "json", "detail": "full"}
        ).json()["rows"]
    }
    for path in (f"/reports/{report_id}", "/", "/stores?window=day"):
        page = get_page(reports.client, path)
        row = page.all("table.stores tbody tr")[1]
        of = rows[row.css("th a")[0].text()]
        shares = [of[f"uptime_{name}_last_day"] / 24 * 100 for name in ("p05", "p95")]
        (words,) = row.css("td:nth-child(3) .between")
        low_and_high = words.text().removeprefix("90 % likely ").removesuffix(" %")
        assert [float(one) for one in low_and_high.split(" to ")] == pytest.approx(shares, abs=0.11)
        (drawn,) = row.css("td:nth-child(3) .whisker")
        ends = re.findall(r"M([\d.]+) 2v10", str(drawn.attributes["d"]))
        assert [float(end) for end in ends] == pytest.approx(shares, abs=0.05)
        assert len(page.all("details.about")) == 1


def test_a_store_s_page_has_them_with_each_figure(reports: Reports) -> None:
    report_id = reports.report(intervals=True, windows=["P3D", "last_week"])
    page = get_page(reports.client, "/stores/store-4", report_id=report_id)
    assert len(page.all(".tile .whisker")) == len(page.all(".tile .between")) == 2
    assert len(page.all("details.about")) == 1
    # As of the newest poll none is computed: a report of the same instant has one.
    assert get_page(reports.client, "/stores/store-4").all(".interval, .about") == []
    reports.report(intervals=True)
    assert len(get_page(reports.client, "/stores/store-4").all(".tile .whisker")) == 3


def test_a_store_s_page_has_none_of_figures_that_have_changed(reports: Reports) -> None:
    report_id = reports.report(intervals=True)
    change = {"store_ids": ["store-4"], "from": "2023-01-21T00:00:00Z", "to": T}
    reason = {"treat_as": "down", "category": "other", "reason": "it was dark"}
    assert reports.client.post("/corrections", json=change | reason).status_code == 201
    for query in ("", f"?report_id={report_id}"):
        page = get_page(reports.client, f"/stores/store-4{query}")
        assert page.all(".tile") != [] == page.all(".interval, .between, .about")


def test_an_unknown_store_s_page_has_none(reports: Reports) -> None:
    reports.store("closed", ["2023-01-20 15:30 active"], hours="9-10")
    reports.report(intervals=True)
    page = get_page(reports.client, "/stores/closed")
    assert page.texts(".tile strong") == ["unknown"] * 3
    assert page.all(".interval, .between, .about") == []


def test_stores_that_got_worse_have_both_intervals(reports: Reports) -> None:
    reports.report(intervals=True, as_of="2023-01-18T05:00:00Z")
    page = get_page(reports.client, f"/reports/{reports.report(intervals=True)}")
    rows = page.all("[aria-label='Stores that got worse'] tbody tr")
    assert rows
    assert all(len(row.css(".between")) == 2 for row in rows)


def test_without_intervals_there_is_nothing_of_them(reports: Reports) -> None:
    reports.report(as_of="2023-01-21T05:00:00Z")
    report_id = reports.report()
    for path in (f"/reports/{report_id}", "/", "/stores", "/stores/store-4"):
        page = get_page(reports.client, path)
        assert page.all(".interval, .between, .about, .reliability, #sure-heading") == []


def test_a_pc_has_none_for_it_is_sure(reports: Reports) -> None:
    assert reports.client.post("/track", json={"pc": "desk"}).status_code == 201
    reports.report(intervals=True)
    page = get_page(reports.client, "/stores", feed="beating")
    assert len(page.all(".figure")) == 3
    assert page.all(".interval, .between") == []
