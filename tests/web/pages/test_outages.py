"""Outages on the page of a report, and on those of its stores."""

from collections.abc import Iterator

import pytest

from openhours.settings import Settings
from openhours.web.pages import reports as reports_page
from tests.helpers.html import Html, get_page, post_form
from tests.reports.computing import Reports, reporting

ACTIVE = "2023-01-23 12:00 active"


@pytest.fixture
def reports(settings: Settings) -> Iterator[Reports]:
    with reporting(settings) as reports:
        yield reports


def stores(reports: Reports) -> None:
    """`a` is down for an hour, and for another a week before; `b & <i>` since two hours."""
    for store, polls in (
        (
            "a",
            [
                "16 12:00 active",
                "17 10:00 inactive",
                "17 11:00 active",
                "24 10:00 inactive",
                "24 11:00 active",
            ],
        ),
        ("b & <i>", ["24 12:00 active", "24 14:00 inactive", "24 15:00 inactive"]),
    ):
        reports.store(store, [f"2023-01-{poll}" for poll in polls], hours="9-17")


def rows(page: Html) -> list[str]:
    return page.texts("[aria-label=Outages] :is(tbody tr, li)")


def link(page: Html, number: int) -> str:
    href = page.all("[aria-label=Outages] :is(th, li) a")[number].attributes["href"]
    assert href is not None
    return href


@pytest.mark.slow
def test_a_report_lists_the_longest_first_and_marks_the_ongoing(reports: Reports) -> None:
    stores(reports)
    report_id = reports.report(outages=True, windows=["P10D"])
    page = get_page(reports.client, f"/reports/{report_id}")
    assert page.text("#outages .note").startswith(
        "3 outages, 1 of them ongoing; the longest first, by downtime. Times in UTC."
    )
    assert rows(page) == [
        "b & <i> Tue 24 Jan 2023, 13:00 ongoing 2 h 2",
        "a Tue 24 Jan 2023, 09:00 Tue 24 Jan 2023, 10:30 1 h 30 min 1",
        "a Tue 17 Jan 2023, 09:00 Tue 17 Jan 2023, 10:30 1 h 30 min 1",
    ]
    downloads = [node.attributes["href"] for node in page.all("#outages .note a")]
    address = f"/reports/{report_id}/outages"
    assert downloads == [address, f"{address}?format=xlsx"]
    assert all(reports.client.get(str(to)).status_code == 200 for to in downloads)


def test_only_the_first_page_is_kept(reports: Reports, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reports_page, "_MAX_OUTAGES", 2)
    stores(reports)
    report_id = reports.report(outages=True, windows=["P10D"])
    path = f"/reports/{report_id}"
    page = get_page(reports.client, path)
    following = page.attribute("#outages a[href*='cursor=']", "href").partition("#")[0]
    second = f"{path}{following}" if following.startswith("?") else following
    for _ in range(2):
        with reports.statements() as asked:
            get_page(reports.client, path)
        assert not any("FROM report_outages" in query for query in asked)
        with reports.statements() as asked:
            assert len(rows(get_page(reports.client, second))) == 1
        assert sum("FROM report_outages" in query for query in asked) == 1


def test_each_leads_to_its_stretch_in_the_week_of_its_store(reports: Reports) -> None:
    stores(reports)
    report_id = reports.report(outages=True, windows=["P10D"])
    page = get_page(reports.client, f"/reports/{report_id}")
    for number, reason, heading in (
        (0, "13:00 to 15:00 down: polls 14:00 to 15:00, both inactive", "17–24 Jan 2023"),
        (2, "09:00 to 10:30 down: nearest poll 10:00 inactive", "10–17 Jan 2023"),
    ):
        store = get_page(reports.client, link(page, number).removesuffix("#why"))
        assert store.text("#why").startswith(reason)
        assert store.text("#week-heading") == heading
        assert store.attribute(f"p.note a[href='/reports/{report_id}']", "href")


def test_a_store_lists_those_of_the_week_that_is_shown(reports: Reports) -> None:
    stores(reports)
    page = get_page(reports.client, "/stores/a", back=0)
    assert rows(page) == ["Down Tue 24 Jan 09:00 to 10:30, 1 h 30 min 1 inactive poll"]
    note = page.text("#outages .note")
    assert note.endswith("Since Tue 10 Jan 2023, 15:00 UTC there were 2.")
    before = get_page(reports.client, "/stores/a", back=1)
    assert rows(before) == ["Down Tue 17 Jan 09:00 to 10:30, 1 h 30 min 1 inactive poll"]
    same = get_page(reports.client, f"/stores/a{link(before, 0)}".removesuffix("#why"))
    assert rows(same) == rows(before)
    assert "down: nearest poll 10:00" in same.text("#why")
    reports.store("c", [ACTIVE], hours="9-17")
    without = get_page(reports.client, "/stores/c")
    assert without.text("#outages .note").startswith("None in the 7 days above. Since ")


def test_the_last_days_of_a_lookback_are_shown_and_led_to(reports: Reports) -> None:
    """Of 17 days, three are left after two weeks."""
    reports.store("a", ["2023-01-08 12:00 inactive", "2023-01-24 15:00 active"], hours="9-17")
    report_id = reports.report(outages=True, windows=["P10D"])
    page = get_page(reports.client, "/stores/a", report_id=report_id, back=2)
    assert page.text("section[aria-labelledby=week-heading] p.note").startswith(
        "Sat 7 Jan 2023, 15:00 UTC to Tue 10 Jan 2023, 15:00 UTC"
    )
    assert rows(page)[0].startswith("Down Sat 7 Jan 15:00 to Mon 23 Jan 17:00, 130 h of open time")
    assert "back=2" in link(page, 0)


def test_a_pc_has_no_polls(reports: Reports) -> None:
    for beat in ("2023-01-20T10:00:00Z", "2023-01-20T11:00:00Z"):
        reports.client.post("/track", json={"pc": "desk", "event_time": beat})
    page = get_page(reports.client, "/stores/pc:desk", as_of="2023-01-20T12:00:00Z")
    assert rows(page) == [
        "Off since Fri 20 Jan 05:02, 57 min 30 s so far",
        "Off Fri 20 Jan 04:02 to 05:00, 57 min 30 s",
    ], "in the default zone"


def test_outages_of_a_report_are_paged(reports: Reports, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("openhours.web.pages.reports._MAX_OUTAGES", 2)
    stores(reports)
    address = f"/reports/{reports.report(outages=True, windows=['P10D'])}"
    first = get_page(reports.client, address)
    assert first.texts("[aria-label='More outages'] a") == ["Shorter ones"]
    following = first.attribute("[aria-label='More outages'] a", "href").removesuffix("#outages")
    second = get_page(reports.client, f"{address}{following}")
    assert [len(rows(first)), len(rows(second))] == [2, 1]
    assert rows(second)[0].startswith("a Tue 17 Jan")
    assert second.texts("[aria-label='More outages'] a") == ["The longest"]
    assert get_page(reports.client, f"{address}?cursor=x", 422).text(".eyebrow") == "422"


@pytest.mark.slow
def test_a_report_without_downtime_or_that_was_not_asked_says_so(reports: Reports) -> None:
    reports.store("a", [ACTIVE], hours="9-17")
    page = get_page(reports.client, f"/reports/{reports.report(outages=True)}")
    assert page.text("#outages .note") == "No store had downtime."
    assert get_page(reports.client, f"/reports/{reports.report()}").all("#outages") == []


def test_the_form_asks_for_outages(reports: Reports) -> None:
    for page in ("/", "/reports"):
        box = get_page(reports.client, page).one("form[action='/reports/new'] [type=checkbox]")
        assert (box.attributes["name"], box.attributes["value"]) == ("outages", "true")
    for fields, outages in (({}, False), ({"outages": "true"}, True)):
        made = post_form(reports.client, "/reports/new", **fields)
        assert made.status_code == 303
        assert reports.client.get("/reports").json()[0]["outages"] is outages
