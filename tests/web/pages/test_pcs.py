"""PCs: their heartbeats, and when one was on."""

from typing import Any

import pytest
from fastapi.testclient import TestClient

from openhours.times import now
from tests.helpers.clients import URL
from tests.helpers.html import get_page
from tests.helpers.stock import PC

ROWS = "[aria-label=Heartbeats] tbody tr"


def test_without_heartbeats_it_says_how_to_send_one(empty: TestClient) -> None:
    page = get_page(empty, "/pcs")
    assert page.text(".empty h2") == "No heartbeat yet"
    assert f"curl {URL}/track -H 'Content-Type: application/json'" in page.text(".empty")


def test_heartbeats_are_listed_and_the_week_is_drawn(stocked: TestClient) -> None:
    page = get_page(stocked, "/pcs")
    assert len(page.all(ROWS)) == 4
    assert page.texts(f"{ROWS} td:nth-child(2)")[0] == "POST /track"
    assert page.text("#on-heading") == f"When {PC} was on"
    assert any("each good for 150 s" in title for title in page.texts(".piece + title"))
    assert page.texts("#pc option") == ["all", PC]


def test_heartbeats_are_filtered_by_pc_and_local_time(stocked: TestClient) -> None:
    stocked.cookies.set("zone", "Asia/Kolkata")
    assert len(get_page(stocked, "/pcs", pc=PC).all(ROWS)) == 4
    page = get_page(stocked, "/pcs", pc=PC, to="2024-03-31T08:30", zone="Asia/Kolkata")
    assert page.all(ROWS) == []
    assert page.attribute("#to", "value") == "2024-03-31T08:30"
    assert "No heartbeat matches." in page.text("main")
    other = get_page(stocked, "/pcs", pc="nobody")
    assert other.all(ROWS) == []
    since: dict[str, Any] = {"from": f"{now():%Y}-01-01T00:00"}
    assert get_page(stocked, "/pcs", **since).attribute("#from", "value") == since["from"]


@pytest.mark.parametrize(
    ("params", "field"),
    [
        ({"from": "x"}, "from"),
        ({"to": "1999-12-31T23:59"}, "to"),
        ({"to": "2024-03-31T08:30Z"}, "to"),
        ({"cursor": "x"}, "cursor"),
        ({"pc": "a\0b"}, "pc"),
        ({"pc": "x" * 65}, "pc"),
    ],
)
def test_bad_parameters_are_named(stocked: TestClient, params: dict[str, Any], field: str) -> None:
    assert get_page(stocked, "/pcs", 422, **params).text("main li").startswith(f"{field}: ")
