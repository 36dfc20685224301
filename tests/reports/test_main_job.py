"""The main job as its users see it: files in, trigger, poll, CSV out; over a real server."""

import io
import json

import pyarrow.parquet
from tools.service import Service

from tests.helpers.csv_files import ID, hours_csv, rows_of, status_csv, zone_csv

SHARED_SERVICE = True

HEADER = (
    "store_id,uptime_last_hour(in minutes),uptime_last_day(in hours),uptime_last_week(in hours),"
    "downtime_last_hour(in minutes),downtime_last_day(in hours),downtime_last_week(in hours)"
)
JSON = {"Content-Type": "application/json"}

# The worked examples of docs/spec.md in UTC: hours, polls, T, window, up, down (in the CSV's unit).
DAILY = range(7)
EXAMPLES = [
    (
        [(0, "09:00", "12:00")],
        ["2023-01-23 10:14:00 active", "2023-01-23 11:15:00 inactive"],
        "2023-01-23T12:00:00Z",
        ("last_day(in hours)", "1.74", "1.26"),
    ),
    (
        [(0, "09:00", "12:00")],
        ["2023-01-23 08:30:00 inactive", "2023-01-23 10:00:00 active"],
        "2023-01-23T12:00:00Z",
        ("last_day(in hours)", "3.00", "0.00"),
    ),
    (
        [(day, "09:00", "17:00") for day in DAILY],
        ["2023-01-23 16:00:00 inactive", "2023-01-25 09:30:00 active"],
        "2023-01-25T17:00:00Z",
        ("last_week(in hours)", "8.00", "48.00"),
    ),
    (
        [(0, "22:00", "02:00")],
        ["2023-01-24 01:00:00 active"],
        "2023-01-24T02:00:00Z",
        ("last_day(in hours)", "4.00", "0.00"),
    ),
    (
        [],
        ["2023-01-23 00:00:00 active", "2023-01-23 06:00:00 inactive"],
        "2023-01-23T06:00:00Z",
        ("last_day(in hours)", "21.00", "3.00"),
    ),
    (
        [(day, *span) for day in DAILY for span in (("11:00", "23:59:59"), ("00:00", "01:00"))],
        ["2023-01-22 23:30:00 active", "2023-01-23 00:40:00 inactive"],
        "2023-01-23T01:00:00Z",
        ("last_hour(in minutes)", "5.00", "55.00"),
    ),
]


def test_the_worked_examples_come_out_of_the_service(service: Service) -> None:
    for number, (hours, polls, _, _) in enumerate(EXAMPLES):
        store = f"{ID}{number}"
        assert service.upload("timezones", zone_csv(store=store))["state"] == "complete"
        if hours:
            assert service.upload("hours", hours_csv(hours, store))["loaded"] == len(hours)
        assert service.upload("status", status_csv(polls, store))["loaded"] == len(polls)
    for number, (_, _, as_of, (window, up, down)) in enumerate(EXAMPLES):
        store = f"{ID}{number}"
        answer = service.wait_report(service.trigger(as_of=as_of, store_ids=[store]))
        assert answer.text.splitlines()[0] == HEADER
        row = rows_of(answer.text)[store]
        assert (row[f"uptime_{window}"], row[f"downtime_{window}"]) == (up, down), number


def test_a_special_date_and_a_version_of_hours_come_out_of_the_service(service: Service) -> None:
    """On Tuesday every store but one is closed; another has shorter hours from Wednesday on."""
    polls = ["2023-01-23 10:00:00 active", "2023-01-25 10:00:00 inactive"]
    for store in "abc":
        service.upload("timezones", zone_csv(store=store))
        service.upload("hours", hours_csv([(day, "09:00", "17:00") for day in DAILY], store))
        service.upload("status", status_csv(polls, store))
    special = (
        b"store_id,date,start_time_local,end_time_local\n*,2023-01-24,,\nb,2023-01-24,9:00,10:00\n"
    )
    assert service.upload("special_hours", special)["loaded"] == 2
    version = (
        b"store_id,day,start_time_local,end_time_local,valid_from\nc,2,9:00,11:00,2023-01-25\n"
    )
    version += b"c,1,0:00,24:00,2023-01-18\nc,2,0:00,24:00,2023-01-18\n"
    assert service.upload("hours", version)["loaded"] == 3
    answer = service.wait_report(service.trigger(as_of="2023-01-25T17:00:00Z"))
    rows = rows_of(answer.text)
    figures = {
        store: (row["uptime_last_week(in hours)"], row["downtime_last_week(in hours)"])
        for store, row in rows.items()
    }
    # c: from Wednesday 18 January on open on Tuesdays and Wednesdays all day, which leaves seven
    # hours of that Wednesday; closed on Tuesday the 24th; on the 25th from 09:00 to 11:00.
    assert figures == {"a": ("40.00", "8.00"), "b": ("41.00", "8.00"), "c": ("0.00", "9.00")}


def test_trigger_poll_download(service: Service) -> None:
    service.upload("timezones", zone_csv())
    service.upload("status", status_csv(["2023-01-23 00:00:00 active"]))
    triggered = service.client.post("/trigger_report")
    assert triggered.status_code == 200
    report_id = triggered.json()["report_id"]
    assert triggered.headers["Location"] == f"/get_report/{report_id}"
    answer = service.wait_report(report_id)
    assert answer.status_code == 200
    assert answer.headers["Content-Type"] == "text/csv; charset=utf-8"
    assert answer.headers["X-Report-Status"] == "Complete"
    assert answer.headers["Content-Disposition"].startswith('attachment; filename="report-')
    assert answer.text == f"{HEADER}\n{ID},60.00,24.00,168.00,0.00,0.00,0.00\n"
    assert service.client.get(f"/get_report/{report_id}").content == answer.content
    again = service.client.get(
        f"/get_report/{report_id}", headers={"If-None-Match": answer.headers["ETag"]}
    )
    assert (again.status_code, again.content) == (304, b"")


def test_other_forms_of_a_report(service: Service) -> None:
    service.upload("timezones", zone_csv())
    polls = ["2023-01-23 00:00:00 active", "2023-01-23 06:00:00 inactive"]
    service.upload("status", status_csv(polls))
    # Known from its hours alone: no row. Polled only while closed: a row without figures.
    service.upload("hours", hours_csv([(0, "09:00", "10:00")], "closed"))
    service.upload("hours", hours_csv([(0, "09:00", "10:00")], "hours-only"))
    service.upload("status", status_csv(["2023-01-23 05:00:00 active"], "closed"))
    report_id = service.trigger()
    text = service.wait_report(report_id).text
    assert text.splitlines()[1:] == [
        f"{ID},0.00,21.00,165.00,60.00,3.00,3.00",
        "closed,,,,,,",
    ]
    url = f"/get_report/{report_id}"
    full = service.client.get(url, params={"detail": "full"}).text
    row = rows_of(full)[ID]
    # An hour on both sides of the first poll, an hour before the last: 3 of 24 hours.
    assert row["coverage_last_day"] == "0.12"
    assert row["uptime_p05_last_day(in hours)"] == "", "it was not asked for intervals"
    rows = service.client.get(url, params={"format": "json"}).json()["rows"]
    assert rows[0]["uptime_last_day"] == 21.0
    assert rows[1] == {"store_id": "closed"} | dict.fromkeys(list(rows[0])[1:])
    parquet = service.client.get(url, params={"format": "parquet"}).content
    table = pyarrow.parquet.read_table(io.BytesIO(parquet))
    assert table.column_names == HEADER.split(",")
    assert [str(value) for value in table["uptime_last_day(in hours)"]] == ["21.0", "None"]
    described = service.client.get(url, headers={"Accept": "application/json"}).json()
    assert described["status"] == "Complete"
    assert described["polled"]["as_of"] == "2023-01-23T06:00:00.000000Z"
    assert described["polled"]["last_hour"]["start"] == "2023-01-23T05:00:00.000000Z"
    assert described["row_count"] == 2
    assert described["url"] == url


def test_previous_interpolation_turns_at_the_later_poll(service: Service) -> None:
    service.upload("timezones", zone_csv())
    polls = ["2023-01-23 00:00:00 active", "2023-01-23 06:00:00 inactive"]
    service.upload("status", status_csv(polls))
    answer = service.wait_report(service.trigger(interpolation="previous"))
    assert rows_of(answer.text)[ID]["uptime_last_day(in hours)"] == "24.00"


def test_a_complete_report_is_unchanged_by_later_data(service: Service) -> None:
    service.upload("timezones", zone_csv())
    service.upload("status", status_csv(["2023-01-23 00:00:00 active"]))
    report_id = service.trigger()
    before = service.wait_report(report_id)
    service.upload("status", status_csv(["2023-01-22 12:00:00 inactive"]))  # late data
    service.upload("status", status_csv(["2023-01-23 00:00:00 active"], "another"))
    service.upload("hours", hours_csv([(1, "09:00", "10:00")]))
    after = service.client.get(f"/get_report/{report_id}")
    assert after.content == before.content
    assert after.headers["ETag"] == before.headers["ETag"]
    late = rows_of(service.wait_report(service.trigger()).text)
    assert set(late) == {ID, "another"}


def test_ten_triggers_at_once_all_complete(service: Service) -> None:
    service.upload("timezones", zone_csv())
    service.upload("status", status_csv(["2023-01-23 00:00:00 active"]))
    reports = [service.trigger() for _ in range(10)]
    texts = {service.wait_report(report).text for report in reports}
    assert len(texts) == 1
    listed = service.client.get("/reports", params={"limit": 4})
    assert [report["report_id"] for report in listed.json()] == reports[:5:-1]
    following = service.client.get(listed.links["next"]["url"]).json()
    assert [report["report_id"] for report in following] == reports[5:1:-1]


def test_bad_requests_are_told_what_is_wrong(service: Service) -> None:
    client = service.client
    assert client.get("/get_report", params={"report_id": "nothing"}).status_code == 404
    assert client.get("/get_report/a%00b").status_code == 422
    assert client.get("/ingestions/nothing").status_code == 404
    assert client.get("/get_report").status_code == 422
    bad_bodies: list[object] = [
        {"as_of": "yesterday"},
        {"as_of": "2023-01-01T00:00:00"},
        {"as_of": 1674684802},
        {"as_of": "2999-01-01T00:00:00Z"},
        {"as_of": "0001-01-01T00:00:00Z"},
        {"interpolation": "cubic"},
        {"store_ids": []},
        {"store_ids": [12]},
        {"stores": ["1"]},
        [],
    ]
    for bad in bad_bodies:
        answer = client.post("/trigger_report", content=json.dumps(bad), headers=JSON)
        assert answer.status_code == 422, bad
        assert answer.json()["errors"][0]["path"][0] == "body"
    assert client.post("/trigger_report", json={"store_ids": ["a\0b"]}).status_code == 422
    unknown = client.post("/trigger_report", json={"store_ids": ["nobody"]})
    assert unknown.status_code == 422
    assert "nobody" in unknown.json()["errors"][0]["message"]
    for malformed in (b"{", b'{"store_ids": ["\\ud800"]}'):
        answer = client.post("/trigger_report", content=malformed, headers=JSON)
        assert answer.status_code == 400
    form = client.post("/trigger_report", data={"as_of": "2023-01-22T12:00:00Z"})
    assert form.status_code == 415
    assert client.post("/ingest/prices", content=b"x").status_code == 422
    assert client.post("/ingest/status", content=b"").status_code == 400
    assert client.get("/reports").json() == []
