"""The time worked by period and by name, of the days that were asked for."""

from datetime import timedelta
from typing import Any

from fastapi.testclient import TestClient

from openhours.times import iso, local_time, now
from tests.helpers.html import Html, get_page, post_form
from tests.helpers.work_sessions import ROWS, save

SESSIONS = "section[aria-labelledby=sessions-heading]"


def in_range(user: TestClient, first: str, last: str, status: int = 200) -> Html:
    params: dict[str, Any] = {"from": first, "to": last}
    return get_page(user, "/timer", status, **params)


def test_the_overview_is_by_day_week_and_month(user: TestClient) -> None:
    start = iso(now() - timedelta(hours=2))
    save(user, ("work", start, 3_600_000), ("also", start, 1_800_000))
    usual = (("day", "7 days", 7), ("week", "8 weeks", 8), ("month", "12 months", 12))
    for by, words, count in usual:
        page = get_page(user, "/timer", by=by)
        assert page.text("#overview-heading") == f"1 h 30 min in {words}"
        assert len(page.all(".columns g")) == count
        assert page.text(".heading .tabs [aria-current]") == f"By {by}"
        assert page.texts(".sheet thead th") == [by.capitalize(), "work", "also", "Total"]
        assert page.text(".sheet tfoot tr") == "Total 1 h 30 min 1 h 30 min"
        assert len(page.all(".sheet tbody tr")) == count
    assert page.text(".alert") == "'work' and 'also' overlap: 30 min counted twice."


def test_the_table_shows_each_day_by_name_in_the_user_s_zone(user: TestClient) -> None:
    # From 23:30 on the 1st to 01:00 on the 2nd, in Denver.
    save(user, ("night", "2024-03-02T06:30:00Z", 5_400_000), ("", "2024-03-01T15:00:00Z", 60_000))
    page = in_range(user, "2024-02-29", "2024-03-02")
    assert page.text("#overview-heading") == "1 h 31 min from 29 Feb 2024 to 2 Mar 2024"
    assert page.texts(".sheet thead th") == ["Day", "night", "no name", "Total"]
    assert page.texts(".sheet tbody tr") == [
        "Sat 2 Mar 1 h 1 h", "Fri 1 Mar 30 min 1 min 31 min", "Thu 29 Feb –",
    ]  # fmt: skip
    assert page.texts(f"{ROWS} th") == ["night", "no name"]
    only = in_range(user, "2024-03-02", "2024-03-02")
    assert only.texts(f"{ROWS} th") == ["night"], "the list is of the range, too"
    empty = in_range(user, "2024-03-03", "2024-03-04")
    assert empty.text("#overview-heading") == "Nothing tracked from 3 Mar 2024 to 4 Mar 2024"
    assert empty.text(f"{SESSIONS} .note") == "No sessions here. Show all"
    assert empty.all(".sheet") == []


def test_the_range_is_kept_by_links_and_forms(user: TestClient) -> None:
    range_ = "from=2024-03-01&to=2024-03-31"
    save(user, ("draft", "2024-03-01T15:00:00Z", 3_600_000))
    page = get_page(user, f"/timer?{range_}&by=week")
    assert page.attribute("#from", "value") == "2024-03-01"
    links = {node.text(): node.attributes["href"] for node in page.all(".tabs a")}
    assert links["By day"] == f"/timer?{range_}"
    assert links["Clear"] == "/timer?by=week"
    location = post_form(user, f"/timer/stop?{range_}&by=week")
    assert location.status_code == 409
    added = post_form(
        user,
        f"/timer/add?by=week&{range_}",
        name="x",
        start="2024-03-01T10:00",
        end="2024-03-01T11:00",
    )
    assert added.headers["location"] == f"/timer?by=week&{range_}"


def test_usual_ranges_are_a_click_away(user: TestClient) -> None:
    today = local_time(now(), "America/Denver").date()
    save(user, ("today", iso(now() - timedelta(seconds=1)), 1000))
    links = {
        node.text(): node.attributes["href"] for node in get_page(user, "/timer").all(".tabs a")
    }
    for words in ("This week", "This month"):
        page = get_page(user, links[words] or "")
        assert page.attribute("#to", "value") == str(today)
        assert page.text("form .tabs [aria-current]") == words
        assert page.texts(f"{ROWS} th") == ["today"]
    first = today.replace(day=1)
    page = get_page(user, links["Last month"] or "")
    assert page.attribute("#to", "value") == str(first - timedelta(days=1))
    assert page.attribute("#from", "value") == str((first - timedelta(days=1)).replace(day=1))
    assert page.all(ROWS) == []


def test_what_is_wrong_with_a_range_stands_beside_it(user: TestClient) -> None:
    for first, last, field, message in (
        ("x", "", "from", "Not a date, such as 2026-03-31."),
        ("2024-03-02", "2024-03-01", "to", "Must not be before the first day."),
        ("2001-01-01", "2024-03-01", "from", "More than 4,000 periods"),
        ("2999-01-01", "", "from", "From must be before to."),
    ):
        page = in_range(user, first, last, 422)
        assert page.text(f"#{field}-wrong").startswith(message)
        for name, value in (("from", first), ("to", last)):
            assert (page.attribute(f"#{name}", "value") or "") == value
        assert page.text("#overview-heading") == "Nothing tracked in 7 days"
