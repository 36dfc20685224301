"""Two reports chosen on a page, and what differs between them: why, by how much, store by store."""

import math
from collections.abc import Iterator
from typing import Any

import pytest

from openhours.settings import Settings
from openhours.web.pages.compare import _points
from tests.helpers.database import fetch
from tests.helpers.html import Html, get_page
from tests.reports.computing import Reports, reporting

pytestmark = pytest.mark.slow

AS_OF = "2023-01-25T18:00:00Z"  # a Wednesday
ADDRESS = "/reports/compare"
LIST = "#stores tbody tr"


@pytest.fixture
def reports(settings: Settings) -> Iterator[Reports]:
    with reporting(settings) as reports:
        yield reports


def store(reports: Reports, store_id: str) -> None:
    """A store, open 9 to 17, with polls at 10:00 and at 14:00, which fails."""
    polls = [
        f"2023-01-{day} {poll}"
        for day in range(12, 26)
        for poll in ("10:00 active", "14:00 inactive")
    ]
    reports.store(store_id, polls, hours="9-17")


def sql(reports: Reports, statement: str) -> None:
    fetch(reports.url, statement)


def late_poll(reports: Reports, store_id: str, at: str, active: bool) -> None:
    which = f"FROM stores WHERE store_id = '{store_id}'"
    sql(reports, f"INSERT INTO observations SELECT id, '{at}+00', {active} {which}")


def three_changes(reports: Reports) -> tuple[str, str]:
    """Two reports; between them came a late poll of `<worse>` and of `better`, and a correction."""
    for store_id in ("<worse>", "better", "corrected", "same"):
        store(reports, store_id)
    reports.label("better", name="Elm <i>Street</i>")
    before = reports.report(as_of=AS_OF)
    late_poll(reports, "<worse>", "2023-01-24 11:00", active=False)
    late_poll(reports, "better", "2023-01-24 16:00", active=True)
    correction = {
        "store_ids": ["corrected"],
        "from": "2023-01-24T09:00:00Z",
        "to": "2023-01-24T10:00:00Z",
        "treat_as": "down",
        "category": "other",
        "reason": "x",
    }
    reports.client.post("/corrections", json=correction).raise_for_status()
    return before, reports.report(as_of=AS_OF)


def compared(reports: Reports, a: str, b: str, **params: Any) -> Html:
    return get_page(reports.client, ADDRESS, a=a, b=b, **params)


def listed(page: Html) -> list[str]:
    return page.texts(f"{LIST} th a")


def follow(reports: Reports, page: Html, text: str) -> Html:
    """The page to which the link with this text leads."""
    (link,) = [one for one in page.all("main a") if one.text(strip=True) == text]
    query, _, _ = str(link.attributes["href"]).partition("#")
    return get_page(reports.client, f"{ADDRESS}{query}")


def chosen(page: Html, name: str) -> str:
    return page.attribute(f"#{name} option[selected]", "value")


def test_it_counts_what_differs_and_why(reports: Reports) -> None:
    page = compared(reports, *three_changes(reports))
    assert page.texts(".tile") == [
        "4 stores are in both",
        "3 of them differ",
        "0 only in the first",
        "0 only in the second",
    ]
    causes = page.texts(".causes tbody tr")
    assert [row.split()[0] + " " + row.split()[-1] for row in causes] == ["late 2", "corrections 1"]
    assert page.all(".alert") == []


def test_stores_that_got_worse_come_first_and_the_order_can_be_turned(reports: Reports) -> None:
    page = compared(reports, *three_changes(reports))
    assert listed(page) == ["<worse>", "corrected", "better"]
    assert page.texts(LIST)[0] == (
        "<worse> late data 37.5 % 21.00 h up, 35.00 h down 34.8 % 19.50 h up, 36.50 h down −2.68"
    )
    assert page.text(".tabs [aria-current]") == "Got worse first"
    turned = follow(reports, page, "Got better first")
    assert listed(turned) == ["better", "corrected", "<worse>"]
    assert page.texts(f"{LIST} .name") == ["Elm <i>Street</i>"]


def test_a_store_leads_to_its_week_as_the_second_report_saw_it(reports: Reports) -> None:
    before, after = three_changes(reports)
    page = compared(reports, before, after)
    href = page.all(f"{LIST} th a")[0].attributes["href"]
    assert href == f"/stores/%3Cworse%3E?report_id={after}"
    assert get_page(reports.client, href).text("h1") == "<worse>"


def test_a_cause_filters_the_list_and_not_the_counts(reports: Reports) -> None:
    page = compared(reports, *three_changes(reports))
    corrected = follow(reports, page, "corrections")
    assert listed(corrected) == ["corrected"]
    assert corrected.texts(".causes tbody tr") == page.texts(".causes tbody tr")
    assert corrected.text("#stores-heading") == "Stores that differ: corrections"
    assert listed(follow(reports, corrected, "All causes")) == listed(page)
    without = compared(reports, chosen(page, "a"), chosen(page, "b"), cause="hours")
    assert without.text("#stores > .note") == "No store differs by this cause."


def test_a_window_of_both_is_chosen(reports: Reports) -> None:
    before, after = three_changes(reports)
    page = compared(reports, before, after)
    assert page.texts("#window option") == ["last hour", "last day", "last week"]
    assert chosen(page, "window") == "last_week"
    day = compared(reports, before, after, window="last_day")
    assert chosen(day, "window") == "last_day"
    assert "0.00 h up" not in day.text("#stores")
    get_page(reports.client, ADDRESS, 422, a=before, b=after, window="P30D")


def test_in_an_hour_without_open_time_there_is_no_change(reports: Reports) -> None:
    before, after = three_changes(reports)
    page = compared(reports, before, after, window="last_hour")
    assert page.texts(LIST)[0] == (
        "<worse> late data – 0.00 min up, 0.00 min down – 0.00 min up, 0.00 min down –"
    )


@pytest.mark.parametrize(
    ("change", "text"),
    [(-0.0542, "−5.42"), (1.0, "+100.00"), (-4e-5, "0"), (4e-5, "0"), (0.0, "0"), (math.nan, "–")],
)
def test_a_change_that_rounds_to_nothing_has_no_sign(change: float, text: str) -> None:
    assert _points(change) == text


def test_long_lists_have_pages_and_a_csv_of_all(
    reports: Reports, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("openhours.web.pages.compare._PAGE", 2)
    before, after = three_changes(reports)
    first = compared(reports, before, after, order="better")
    assert "3 stores, 1 to 2 shown" in first.text("#stores")
    second = follow(reports, first, "Next")
    assert (listed(first), listed(second)) == (["better", "corrected"], ["<worse>"])
    assert listed(follow(reports, second, "Previous")) == listed(first)
    assert listed(compared(reports, before, after, page="9")) == ["better"], "the last there is"
    href = second.attribute("#stores a[download]", "href")
    assert len(reports.client.get(href).text.splitlines()) == 4


def test_options_and_settings_that_differ_are_told_in_words(reports: Reports) -> None:
    store(reports, "a")
    store(reports, "b")
    one = reports.report(as_of="2023-01-24T18:00:00Z", windows=["last_day", "P2D"])
    other = reports.report(
        as_of=AS_OF, interpolation="previous", windows=["last_day", "P3D"], store_ids=["b"]
    )
    page = compared(reports, one, other)
    assert page.texts("section[aria-labelledby=reports-heading] tbody tr")[1:] == [
        "Polled stores as of Tue 24 Jan 2023, 18:00 Wed 25 Jan 2023, 18:00",
        "PCs as of Tue 24 Jan 2023, 18:00 Wed 25 Jan 2023, 18:00",
        "Interpolation nearest previous",
        "Windows of its own P2D P3D",
        "Stores requested all 1",
    ]
    assert page.texts(".tile")[2] == "1 only in the first"
    assert page.texts("#window option") == ["last day"]


def test_reports_without_a_difference_say_so(reports: Reports) -> None:
    store(reports, "a")
    page = compared(reports, reports.report(as_of=AS_OF), reports.report(as_of=AS_OF))
    assert page.text(".empty h2") == "No difference"
    assert "the same as-of times, options and settings" in page.text()
    assert page.all("#stores") == []


def test_windows_in_another_order_are_no_other_windows(reports: Reports) -> None:
    store(reports, "a")
    one = reports.report(as_of=AS_OF, windows=["last_day", "P2D"])
    other = reports.report(as_of=AS_OF, windows=["P2D", "last_day"])
    page = compared(reports, one, other)
    assert len(page.texts("section[aria-labelledby=reports-heading] tbody tr")) == 1
    assert "the same as-of times, options and settings" in page.text()


def test_where_causes_cannot_be_told_the_page_says_so(reports: Reports) -> None:
    before, after = three_changes(reports)
    sql(reports, f"UPDATE reports SET inputs = NULL WHERE report_id = '{before}'")
    page = compared(reports, before, after)
    assert page.text(".alert").startswith(
        "It is not known why figures differ: the first report was made before"
    )
    assert page.texts(".causes th a") == ["cause not known"]
    assert page.texts(f"{LIST} .state") == ["cause not known"] * 3


def test_a_store_that_became_known_has_no_change_and_comes_last(reports: Reports) -> None:
    before, after = three_changes(reports)
    sql(
        reports,
        "UPDATE report_rows r SET known = false FROM stores s, reports p WHERE s.id = r.store"
        f" AND s.store_id = '<worse>' AND p.id = r.report AND p.report_id = '{before}'",
    )
    for order in ("worse", "better"):
        page = compared(reports, before, after, order=order)
        assert listed(page)[2] == "<worse>"
        assert page.texts(LIST)[2] == "<worse> late data unknown 34.8 % 19.50 h up, 36.50 h down –"


def test_the_newest_report_and_the_last_like_it_are_proposed(reports: Reports) -> None:
    assert get_page(reports.client, ADDRESS).text(".empty h2") == "No complete report yet"
    store(reports, "a")
    first = reports.report(as_of=AS_OF)
    partly = reports.report(as_of=AS_OF, store_ids=["a"], windows=["last_day", "P1D", "P2D", "P3D"])
    second = reports.report(as_of=AS_OF)
    reports.trigger()
    page = get_page(reports.client, ADDRESS)
    assert (chosen(page, "a"), chosen(page, "b")) == (first, second)
    texts = page.texts("#a option")
    assert [text.split(": ")[1] for text in texts] == [
        "all stores, last hour, last day, last week",
        "1 requested store, last day, P1D, P2D and 1 more",
        "all stores, last hour, last day, last week",
    ]
    assert all(", as of Wed 25 Jan 2023, 18:00: " in text for text in texts)
    assert chosen(get_page(reports.client, ADDRESS, b=partly), "a") == first
    assert page.all(".tile") == []


def test_what_cannot_be_compared_is_told_beside_the_field(reports: Reports) -> None:
    store(reports, "a")
    day = reports.report(as_of=AS_OF, windows=["last_day"])
    week = reports.report(as_of=AS_OF, windows=["last_week"])
    waiting = reports.trigger()
    for a, b, field, words in (
        ("<nothing>", day, "a", "No report has this id."),
        (day, waiting, "b", "The report is queued."),
        (day, week, "b", "The reports have no window of the same name."),
    ):
        page = get_page(reports.client, ADDRESS, 422, a=a, b=b)
        assert page.text(f"#{field}-wrong") == words
        assert page.attribute("[aria-invalid]", "id") == field
        assert (chosen(page, "a"), chosen(page, "b")) == (a, b), "both are kept"
        assert page.all(".tile") == []
    both = get_page(reports.client, ADDRESS, 422, a="x", b="y")
    assert len(both.all(".wrong")) == 2


def test_an_older_report_than_those_listed_can_be_compared(
    reports: Reports, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("openhours.web.pages.compare._MAX_CHOICES", 1)
    before, after = three_changes(reports)
    page = compared(reports, before, after)
    assert chosen(page, "a") == before
    assert page.texts("#a option[selected]")[0].endswith(
        "all stores, last hour, last day, last week"
    )


def test_reports_lead_to_their_comparison(reports: Reports) -> None:
    before, after = three_changes(reports)
    link = f"main a[href^='{ADDRESS}']"
    page = get_page(reports.client, f"/reports/{after}")
    href = page.attribute(link, "href")
    assert len(listed(get_page(reports.client, href))) == 3
    first = get_page(reports.client, f"/reports/{before}").attribute(link, "href")
    assert first == f"{ADDRESS}?b={before}"
    assert get_page(reports.client, "/reports").attribute(link, "href") == ADDRESS
