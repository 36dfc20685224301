"""Time lines over HTTP, beside the report whose figures they explain."""

from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import pytest
from tools.service import Service

from tests.conftest import new_service
from tests.helpers.csv_files import hours_csv, rows_of, status_csv, zone_csv

# Ids are paths: they may hold a slash, and the endpoints' own names.
STORE = "chain/7 & more/timeline"
URL = "/api/stores/chain%2F7%20%26%20more%2Ftimeline"


@pytest.fixture(scope="module")
def service(server_url: str, folder: Path) -> Iterator[Service]:
    with new_service(server_url, folder) as running:
        running.upload("timezones", zone_csv("America/Denver", STORE))
        running.upload("hours", hours_csv([(0, "09:00", "12:00")], STORE))
        polls = ["2023-01-23 17:14:00 active", "2023-01-23 18:15:00 inactive"]
        running.upload("status", status_csv(polls, STORE))
        running.upload("status", status_csv(["2023-01-23 19:00:00 active"], "later"))
        yield running


def test_a_time_line_and_its_explanations(service: Service) -> None:
    report_id = service.trigger()
    row = rows_of(service.wait_report(report_id).text)[STORE]
    line = service.client.get(f"{URL}/timeline", params={"report_id": report_id}).json()
    assert line["changed_since"] is False
    assert line["uptime_seconds"] / 3600 == pytest.approx(
        float(row["uptime_last_week(in hours)"]), abs=0.005
    )
    assert line["downtime_seconds"] / 3600 == pytest.approx(
        float(row["downtime_last_week(in hours)"]), abs=0.005
    )
    assert [segment["status"] for segment in line["segments"]] == ["active", "active", "inactive"]
    assert [segment["measured"] for segment in line["segments"]] == [False, True, True]
    assert line["open"] == [
        {"start": "2023-01-23T16:00:00.000000Z", "end": "2023-01-23T19:00:00.000000Z"}
    ]
    assert [one["counts"] for one in line["observations"]] == [True, True]

    why = service.client.get(f"{URL}/explain", params={"at": "2023-01-23T18:00:00Z"}).json()
    assert why["reason"] == (
        "10:44 to 12:00 down: nearest poll 11:15 inactive; "
        "open Mon 09:00-12:00 America/Denver (UTC-7)"
    )
    assert why["hours"] == [
        {
            "day": 0,
            "start_time_local": "09:00",
            "end_time_local": "12:00",
            "valid_from": None,
            "special_date": None,
            "every_store": False,
        }
    ]
    assert why["utc_offset"] == "UTC-7"
    assert [one["status"] for one in why["observations"]] == ["active", "inactive"]
    closed = service.client.get(f"{URL}/explain", params={"at": "2023-01-23T15:00:00Z"}).json()
    assert (closed["open"], closed["segment"]) == (False, None)
    assert closed["reason"] == "08:00 not counted; closed, America/Denver (UTC-7)"

    # As T was then: the later poll has not happened yet.
    early = {"as_of": "2023-01-23T18:00:00Z", "at": "2023-01-23T17:59:00Z"}
    assert service.client.get(f"{URL}/explain", params=early).json()["segment"]["status"] == (
        "active"
    )

    service.upload("status", status_csv(["2023-01-23 16:30:00 inactive"], STORE))
    later = service.client.get(f"{URL}/timeline", params={"report_id": report_id}).json()
    assert later["changed_since"] is True
    other = service.client.get("/api/stores/later/timeline", params={"report_id": report_id})
    assert other.json()["changed_since"] is False


def test_bad_questions_are_told_what_is_wrong(service: Service) -> None:
    def code(path: str, **params: str) -> int:
        return service.client.get(path, params=params).status_code

    partial = service.trigger(store_ids=["later"])
    service.wait_report(partial)
    assert code("/api/stores/nobody/timeline") == 404
    assert code("/api/stores/a%00b/timeline") == 422
    assert code("/api/stores/a%00b/explain", at="2023-01-23T18:00:00Z") == 422
    assert code(f"{URL}/timeline", report_id="nothing") == 404
    assert code(f"{URL}/timeline", report_id="a\0b") == 422
    assert code(f"{URL}/timeline", report_id=partial) == 404
    bad = [
        {"from": "2023-01-23T10:00:00"},
        {"from": "2023-01-23T18:00:00Z", "to": "2023-01-23T18:00:00Z"},
        {"from": "2023-01-01T00:00:00Z"},
        {"to": "2023-01-24T00:00:00Z"},
        {"as_of": "2999-01-01T00:00:00Z"},
        {"as_of": "2023-01-23T18:00:00Z", "report_id": partial},
        {"from": "\0"},
    ]
    for params in bad:
        assert code(f"{URL}/timeline", **params) == 422, params
    for at in ("", "2023-01-23T18:00:00", "2023-01-23T19:00:00Z", "2022-01-01T00:00:00Z"):
        assert code(f"{URL}/explain", at=at) == 422, at
    assert code(f"{URL}/explain") == 422
    # Before its first observation nothing is known, and that is no error.
    early = service.client.get(f"{URL}/timeline", params={"as_of": "2023-01-01T00:00:00Z"})
    assert early.json()["segments"] == []


@pytest.mark.parametrize("store", ["new\nline", "\nline", "line\n"])
def test_an_id_may_hold_a_line_end(service: Service, store: str) -> None:
    polls = f'store_id,timestamp_utc,status\n"{store}",2023-01-23 19:00:00 UTC,active\n'
    assert service.upload("status", polls.encode())["loaded"] == 1
    path = f"/{quote(store)}"
    assert service.client.get(f"/api/stores{path}/timeline").json()["store_id"] == store
    assert service.client.get(f"/stores{path}", headers={"Accept": "text/html"}).is_success
