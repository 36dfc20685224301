"""PCs: whether they are on, when one was on, its hours, and the history of requests."""

import re
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any, cast
from urllib.parse import urlencode

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from pydantic import SecretStr

from openhours.api.dependencies import ENGINE
from openhours.settings import Settings
from openhours.stores import hours
from openhours.stores.hours import ALWAYS_VALID
from openhours.times import iso, now
from tests.helpers.clients import URL, bearer, make_keys, running
from tests.helpers.html import HTML, Html, get_page, post_form, words
from tests.helpers.new_database import new_database
from tests.helpers.stock import PC

ROWS = "[aria-label=Heartbeats] tbody tr"
STRETCHES = "[aria-label='On and off'] tbody tr"
JOE = "joe & <b>co</b>"


def beat(client: TestClient, pc: str, *times: datetime) -> None:
    for at in times:
        client.post("/track", json={"pc": pc, "event_time": iso(at)}).raise_for_status()


def add_pc(client: TestClient, pc: str) -> str:
    """A PC that was on in October, on the 6th from 10:00 and on the 8th from 9:00, UTC."""
    for day, hour in ((6, 10), (8, 9)):
        start = datetime(2025, 10, day, hour, tzinfo=UTC)
        beat(client, pc, *(start + timedelta(minutes=n) for n in range(5)))
    return pc


@pytest.fixture(scope="module")
def some_app(server_url: str, folder: Path) -> Iterator[TestClient]:
    with new_database(server_url) as url:
        settings = Settings(
            database_url=SecretStr(url), data_dir=folder / "home", inbox=folder / "no-inbox"
        )
        with running(settings) as client:
            add_pc(client, JOE)
            yield client


@pytest.fixture
def some(some_app: TestClient) -> TestClient:
    """A visitor in India, of a service with a PC that is on, and with `JOE`, which is not."""
    some_app.cookies.clear()
    some_app.cookies.set("zone", "Asia/Kolkata")
    beat(some_app, "desk", now())
    return some_app


def in_october(
    client: TestClient, pc: str, since: str = "2025-10-06", until: str = "2025-10-10", **more: str
) -> Html:
    params: dict[str, Any] = {"pc": pc, "from": since, "to": until, **more}
    return get_page(client, "/pcs", **params)


def set_hours(client: TestClient, pc: str, status: int = 303, **fields: str) -> Html:
    """Send the form; the page that follows."""
    answer = post_form(client, f"/pcs/hours?{urlencode({'pc': pc})}", **fields)
    assert answer.status_code == status
    if status == 303:
        answer = client.get(answer.headers["location"], headers=HTML)
    return Html(answer.text)


def labels(page: Html) -> list[str]:
    """Return why each block of the picture is as it is."""
    return [str(node.attributes["aria-label"]) for node in page.all(".day a")]


def test_without_heartbeats_it_says_how_to_send_one(empty: TestClient) -> None:
    page = get_page(empty, "/pcs")
    assert page.text(".empty h2") == "No heartbeat yet"
    assert page.text("#by-hand").startswith(f"curl {URL}/track -H 'Content-Type: ")


def test_all_pcs_are_listed_with_their_state_and_lead_to_their_page(some: TestClient) -> None:
    page = get_page(some, "/pcs")
    rows = page.all("[aria-label=PCs] tbody tr")
    (on,) = (row for row in rows if words(row).startswith("desk "))
    (off,) = (row for row in rows if words(row).startswith(JOE))
    assert words(on).startswith("desk on now ")
    days = (now() - datetime(2025, 10, 8, 9, 4, tzinfo=UTC)).days
    assert words(off) == f"{JOE} last heard {days} days ago Wed 8 Oct 2025, 14:34"
    assert {"desk", JOE} <= set(page.texts(f"{ROWS} a")), "the requests of all"
    (link,) = off.css("a")
    assert get_page(some, link.attributes["href"] or "").text("h1") == JOE


def test_the_only_pc_is_shown_at_once(stocked: TestClient) -> None:
    page = get_page(stocked, "/pcs")
    assert page.text("h1") == PC
    assert page.text(".lead").startswith("Last heard 1 h ago")
    assert len(page.all(ROWS)) == 4
    assert page.texts(f"{ROWS} td:nth-child(2)")[0] == "POST /track"
    assert any("each good for 150 s" in label for label in labels(page))
    assert len(page.all(".day:not(.axis)")) == 7


def test_a_range_moves_the_picture_the_stretches_and_the_history(some: TestClient) -> None:
    page = in_october(some, JOE)
    assert page.texts(".day-label time") == ["Thu 9 Oct", "Wed 8 Oct", "Tue 7 Oct", "Mon 6 Oct"]
    assert page.texts(STRETCHES) == [
        "Wed 8 Oct 2025, 14:36 to Fri 10 Oct 2025, 00:00 off 33 h 23 min",
        "Wed 8 Oct 2025, 14:30 to 14:36 on 6 min 30 s",
        "Mon 6 Oct 2025, 15:36 to Wed 8 Oct 2025, 14:30 off 46 h 53 min",
        "Mon 6 Oct 2025, 15:30 to 15:36 on 6 min 30 s",
    ]
    assert len(page.all(ROWS)) == 10
    assert "On for 13 min from Mon 6 Oct 2025, 00:00 to Fri 10 Oct 2025, 00:00 " in page.text()
    later = in_october(some, JOE, since="2025-10-08T14:32")
    assert later.texts(".day-label time") == ["Thu 9 Oct", "Wed 8 Oct"]
    assert len(later.all(ROWS)) == 3
    assert later.attribute("#from", "value") == "2025-10-08T14:32"
    assert later.text(f"{STRETCHES}:last-child th") == "Wed 8 Oct 2025, 14:32 to 14:36"
    assert "from=2025-10-08T14%3A32" in (later.all(".day a")[0].attributes["href"] or "")
    longer = in_october(some, JOE, since="2025-01-01")
    assert len(longer.all(".day:not(.axis)")) == 31
    assert "The picture shows 31 days at most." in longer.text()


def test_without_a_range_the_picture_is_of_seven_days_up_to_now(some: TestClient) -> None:
    page = get_page(some, "/pcs", pc=JOE)
    assert len(page.all(".day:not(.axis)")) == 7
    (off,) = page.texts(STRETCHES)
    assert re.fullmatch(r".*, 00:00 to now off 1\d\d h( \d+ min)?", off)
    (link,) = page.all("nav[aria-label=Weeks] a")
    assert words(link) == "Earlier week"
    earlier = get_page(some, f"/pcs{link.attributes['href']}")
    assert len(earlier.all(".day:not(.axis)")) == 7
    assert earlier.texts("nav[aria-label=Weeks] a") == ["Earlier week", "Later week"]
    assert not set(earlier.texts(".day-label time")) & set(page.texts(".day-label time"))
    back = earlier.all("nav[aria-label=Weeks] a")[1].attributes["href"]
    assert get_page(some, f"/pcs{back}").texts(".day-label time") == page.texts(".day-label time")


def test_all_times_are_in_the_visitor_s_zone_until_the_pc_has_one(some: TestClient) -> None:
    pc = add_pc(some, "zone")
    page = in_october(some, pc)
    assert page.texts(f"{ROWS} td:first-child")[0] == "Wed 8 Oct 2025, 14:34:00"
    assert "Times are in Asia/Kolkata" in page.text(".foot")
    assert page.attribute("#timezone", "value") == "Asia/Kolkata"
    assert all("Asia/Kolkata" in label for label in labels(page))
    set_hours(some, pc, hours="always", timezone="America/Denver")
    page = in_october(some, pc)
    assert page.texts(f"{ROWS} td:first-child")[0] == "Wed 8 Oct 2025, 03:04:00"
    assert page.text(f"{STRETCHES}:nth-child(2) th") == "Wed 8 Oct 2025, 03:00 to 03:06"
    assert "Times are in America/Denver" in page.text(".foot")
    assert page.attribute("input[name=zone]", "value") == "America/Denver"
    # What was written in another zone is the same instant.
    moved = in_october(some, pc, until="2025-10-08T14:32", zone="Asia/Kolkata")
    assert moved.attribute("#to", "value") == "2025-10-08T03:02"


def test_hours_without_a_zone_are_in_the_default_one_and_so_is_the_page(some: TestClient) -> None:
    pc = add_pc(some, "hours")
    set_version(some, pc, "daily 03:00-05:00")
    page = in_october(some, pc)
    assert "Times are in America/Chicago" in page.text(".foot")
    assert page.texts(STRETCHES)[-3:] == [
        "Wed 8 Oct 2025, 04:00 to 04:06 on 6 min 30 s",
        "Wed 8 Oct 2025, 03:00 to 04:00 off 1 h",
        "Tue 7 Oct 2025, 03:00 to 05:00 off 2 h",
    ]


def set_version(client: TestClient, pc: str, week: str, valid_from: date = ALWAYS_VALID) -> None:
    """Set hours as the command line does."""
    assert client.portal is not None
    engine = ENGINE.of(cast("FastAPI", client.app))
    rows = hours.parse_week(week.split())
    client.portal.call(hours.set_hours, engine, f"pc:{pc}", rows, valid_from)


def test_hours_and_zone_are_set_by_a_form(some: TestClient) -> None:
    pc = add_pc(some, "form")
    page = set_hours(some, pc, hours=" mon-fri  14:32-17:00 ", timezone=" Asia/Kolkata ")
    assert page.text("h1") == pc
    assert page.attribute("#hours", "value") == "mon-fri 14:32-17:00"
    assert page.attribute("#timezone", "value") == "Asia/Kolkata"
    assert page.all("section[aria-labelledby=hours-heading] form .note + p .note") == []
    page = in_october(some, pc)
    assert "On for 11 min" in page.text(), "6 min 30 s on Monday and 4 min 30 s on Wednesday"
    assert "in its hours" in page.text()
    assert page.texts(STRETCHES)[0] == "Thu 9 Oct 2025, 14:32 to 17:00 off 2 h 28 min"
    assert "outside its hours" in page.text(".legend")


def test_the_form_changes_the_hours_that_are_valid_now(some: TestClient) -> None:
    pc = add_pc(some, "history")
    set_version(some, pc, "always")
    set_version(some, pc, "wed 14:32-17:00", date(2025, 10, 7))
    page = set_hours(some, pc, hours="wed 14:34-17:00", timezone="Asia/Kolkata")
    assert "1 other version stays unchanged." in page.text()
    found = in_october(some, pc).texts(STRETCHES)
    assert "Mon 6 Oct 2025, 15:30 to 15:36 on 6 min 30 s" in found
    assert "Wed 8 Oct 2025, 14:34 to 14:36 on 2 min 30 s" in found


@pytest.mark.parametrize(
    ("field", "text", "message"),
    [
        ("hours", "", "Times are missing, such as 09:00-17:30."),
        ("hours", "<i>", "'<i>' is not a day"),
        ("hours", "mon-fri 9-17", "'9-17' is not a time range"),
        ("timezone", "Mars", "Not an IANA time zone, such as Europe/Berlin."),
    ],
)
def test_what_is_wrong_with_hours_stands_beside_them_and_the_rest_is_kept(
    some: TestClient, field: str, text: str, message: str
) -> None:
    sent = {"hours": "daily 08:00-09:00", "timezone": "Asia/Tokyo"} | {field: text}
    page = set_hours(some, JOE, 422, **sent)
    assert page.text(f"#{field}-wrong").startswith(message)
    for name, value in sent.items():
        assert (page.attribute(f"#{name}", "value") or "") == value
    assert in_october(some, JOE).attribute("#hours", "value") == "always"


@pytest.mark.slow
def test_who_may_only_read_sees_hours_and_no_form(settings: Settings) -> None:
    read, track, ingest = make_keys(settings, [["report"], ["track"], ["report", "ingest"]])
    with running(settings) as client:
        sent = client.post("/track", json={"pc": "a"}, headers=bearer(track))
        assert sent.status_code == 201
        post_form(client, "/signin", key=read)
        page = get_page(client, "/pcs")
        assert page.all("#hours") == []
        assert "always, UTC" in page.text("section[aria-labelledby=hours-heading]")
        fields = {"hours": "always", "timezone": "UTC"}
        assert post_form(client, "/pcs/hours?pc=a", **fields).status_code == 403
        post_form(client, "/signin", key=ingest)
        assert get_page(client, "/pcs").all("#hours")
        assert post_form(client, "/pcs/hours?pc=a", **fields).status_code == 303
        assert post_form(client, "/pcs/hours?pc=b", **fields).status_code == 404


def test_an_instant_is_explained_where_its_link_leads(some: TestClient) -> None:
    page = in_october(some, JOE)
    link = page.all(".day .piece.on")[0].parent
    assert link is not None
    explained = get_page(some, f"/pcs{(link.attributes['href'] or '').partition('#')[0]}")
    why = explained.text("#why")
    assert why.startswith("14:30 to 14:36 on: heartbeats 14:30:00 to 14:34:00, each good for")
    assert explained.texts(".day-label time") == page.texts(".day-label time")


def test_a_pc_that_nobody_knows_is_not_found(some: TestClient) -> None:
    page = get_page(some, "/pcs", 404, pc="nobody")
    assert page.text("main li") == "No PC with this name has sent a heartbeat."
    assert page.attribute("main .button", "href") == "/pcs"


@pytest.mark.parametrize("pc", [{}, {"pc": JOE}])
@pytest.mark.parametrize(
    ("params", "field", "message"),
    [
        ({"from": "x"}, "from", "Not a local time"),
        ({"to": "1999-12-31T23:59"}, "to", "Not a local time since 2000"),
        ({"to": "2024-03-31T08:30Z"}, "to", "Not a local time"),
        ({"from": "2024-03-02", "to": "2024-03-01"}, "to", "Must be after the start."),
        ({"from": "2999-03-02"}, "from", "Must not be in the future."),
    ],
)
def test_what_is_wrong_with_a_range_stands_beside_it(
    some: TestClient, pc: dict[str, Any], params: dict[str, Any], field: str, message: str
) -> None:
    page = get_page(some, "/pcs", 422, **(pc | params))
    assert page.text(f"#{field}-wrong").startswith(message)
    for name, value in params.items():
        assert page.attribute(f"#{name}", "value") == value


@pytest.mark.parametrize(
    ("params", "field"),
    [
        ({"cursor": "x"}, "cursor"),
        ({"pc": "a\0b"}, "pc"),
        ({"pc": "x" * 65}, "pc"),
        ({"at": "x"}, "at"),
    ],
)
def test_bad_parameters_are_named(some: TestClient, params: dict[str, Any], field: str) -> None:
    assert get_page(some, "/pcs", 422, **params).text("main li").startswith(f"{field}: ")
