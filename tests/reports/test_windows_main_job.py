"""Reports of any windows, as their users see them: over a real server."""

import io

import pyarrow.parquet
from tools.service import Service

from tests.helpers.csv_files import ID, hours_csv, rows_of, status_csv, zone_csv

SHARED_SERVICE = True

NINE_TO_FIVE = [(day, "09:00", "17:00") for day in range(7)]


def load(service: Service) -> None:
    """Two stores, open 9 to 17: in UTC up until 10 January and down since, in Chicago up."""
    for store, zone in ((f"{ID}1", "UTC"), (f"{ID}2", "America/Chicago")):
        service.upload("timezones", zone_csv(zone, store=store))
        service.upload("hours", hours_csv(NINE_TO_FIVE, store))
    polls = ["2022-12-06 12:00:00 active", "2023-01-10 12:00:00 inactive"]
    service.upload("status", status_csv(polls, f"{ID}1"))
    service.upload("status", status_csv(["2023-01-10 20:00:00 active"], f"{ID}2"))


def test_last_month_day_by_day_in_each_store_s_own_time(service: Service) -> None:
    load(service)
    windows = ["previous_month", "days:previous_month", "2023-01"]
    answer = service.wait_report(service.trigger(windows=windows, calendar_timezone="UTC"))
    header = answer.text.splitlines()[0].split(",")
    assert header[1:3] == ["uptime_previous_month(in hours)", "uptime_2022-12-01(in hours)"]
    assert header[34:36] == ["downtime_previous_month(in hours)", "downtime_2022-12-01(in hours)"]
    row = rows_of(answer.text)[f"{ID}1"]
    days = [float(row[f"uptime_2022-12-{n:02d}(in hours)"]) for n in range(1, 32)]
    assert days == [8.0] * 31, "open since a week before its first poll, up until January"
    assert float(row["uptime_previous_month(in hours)"]) == sum(days)
    assert (row["uptime_2023-01(in hours)"], row["downtime_2023-01(in hours)"]) == ("72.00", "8.00")


def test_nothing_is_counted_more_than_a_week_before_the_first_poll(service: Service) -> None:
    load(service)
    answer = service.wait_report(service.trigger(windows=["2022-11", "2023-01"]))
    rows = rows_of(answer.text)
    assert rows[f"{ID}1"]["uptime_2022-11(in hours)"] == "13.00", "from noon of 29 November"
    assert rows[f"{ID}2"]["uptime_2022-11(in hours)"] == "0.00"
    assert rows[f"{ID}2"]["uptime_2023-01(in hours)"] == "56.00"


def test_calendar_windows_have_one_as_of_for_both_feeds(service: Service) -> None:
    load(service)
    report_id = service.trigger(windows=["2023-01-09"])
    service.wait_report(report_id)
    info = service.client.get(
        f"/get_report/{report_id}", headers={"Accept": "application/json"}
    ).json()
    assert info["polled"]["as_of"] == info["beating"]["as_of"] == "2023-01-10T20:00:00.000000Z"
    assert info["polled"]["last_week"] is None
    assert info["windows"] == [
        {
            "name": "2023-01-09",
            "unit": "hours",
            "seconds": None,
            "first_date": "2023-01-09",
            "last_date": "2023-01-09",
            "start": None,
            "end": None,
        }
    ]


def test_all_formats_have_the_windows(service: Service) -> None:
    load(service)
    report_id = service.trigger(windows=["PT1H", "P30D"])
    service.wait_report(report_id)
    titles = [
        "uptime_PT1H(in minutes)",
        "uptime_P30D(in hours)",
        "downtime_PT1H(in minutes)",
        "downtime_P30D(in hours)",
    ]
    address = f"/get_report/{report_id}"
    csv = service.client.get(address).text
    assert csv.splitlines()[0] == ",".join(["store_id", *titles])
    parquet = service.client.get(address, params={"format": "parquet"}).content
    assert pyarrow.parquet.read_table(io.BytesIO(parquet)).column_names == ["store_id", *titles]
    (row, _) = service.client.get(address, params={"format": "json"}).json()["rows"]
    assert list(row) == ["store_id", *(title.split("(")[0] for title in titles)]
    page = service.client.get(f"/reports/{report_id}", headers={"Accept": "text/html"}).text
    assert "P30D" in page
    store = service.client.get(
        f"/stores/{ID}1", params={"report_id": report_id}, headers={"Accept": "text/html"}
    )
    assert store.status_code == 200
    assert "changed after the report" not in store.text


def test_wrong_windows_are_named(service: Service) -> None:
    load(service)
    for body, path, words in (
        ({"windows": ["last_week", "last_year"]}, ["body", "windows", "1"], "'last_year'"),
        ({"windows": ["2023-01-12"]}, ["body", "windows", "0"], "begins after"),
        ({"windows": []}, ["body", "windows"], "at least 1"),
        ({"calendar_timezone": "Mars"}, ["body", "calendar_timezone"], "not an IANA time zone"),
    ):
        answer = service.client.post("/trigger_report", json=body)
        assert answer.status_code == 422
        (error,) = answer.json()["errors"]
        assert error["path"] == path
        assert words in error["message"]
