"""The rows of a complete report, in every layout and format, over the application's routes."""

import io

import pyarrow.parquet
import pytest

from tests.helpers.csv_files import ID
from tests.helpers.database import fetch
from tests.reports.computing import Reports

pytestmark = pytest.mark.slow

LONG_HEADER = (
    "store_id,window,start,end,"
    "open(in hours),uptime(in hours),downtime(in hours),uptime(in percent)"
)
T = "2023-01-20T15:30:00.000000Z"


def stores(reports: Reports) -> None:
    """One in Tokyo, where it is the 21st; one in Chicago; one that is only polled while closed."""
    polls = ["2023-01-18 12:00 active", "2023-01-20 15:30 inactive"]
    reports.store(f"{ID}1", polls, "Asia/Tokyo")
    reports.store(f"{ID}2", polls, "America/Chicago")
    reports.store(f"{ID}3", ["2023-01-20 03:00 active"], hours="9-17")


def test_long_is_a_line_a_store_and_window_in_the_store_s_own_time(reports: Reports) -> None:
    stores(reports)
    report_id = reports.report(windows=["2023-01-21", "PT30M", "last_week"])
    answer = reports.client.head(f"/get_report/{report_id}", params={"layout": "long"})
    assert answer.headers["x-row-count"] == "9"
    assert reports.csv(report_id, layout="long") == [
        LONG_HEADER,
        f"{ID}1,2023-01-21,2023-01-20T15:00:00.000000Z,{T},0.50,0.00,0.50,0.00",
        f"{ID}1,PT30M,2023-01-20T15:00:00.000000Z,{T},0.50,0.00,0.50,0.00",
        f"{ID}1,last_week,2023-01-13T15:30:00.000000Z,{T},168.00,142.25,25.75,84.67",
        f"{ID}2,2023-01-21,{T},{T},0.00,0.00,0.00,",
        f"{ID}2,PT30M,2023-01-20T15:00:00.000000Z,{T},0.50,0.00,0.50,0.00",
        f"{ID}2,last_week,2023-01-13T15:30:00.000000Z,{T},168.00,142.25,25.75,84.67",
        f"{ID}3,2023-01-21,{T},{T},0.00,,,",
        f"{ID}3,PT30M,2023-01-20T15:00:00.000000Z,{T},0.50,,,",
        f"{ID}3,last_week,2023-01-13T15:30:00.000000Z,{T},56.00,,,",
    ]


def test_long_in_full_has_the_confidence_columns_without_the_window_s_name(
    reports: Reports,
) -> None:
    stores(reports)
    lines = reports.csv(reports.report(), layout="long", detail="full")
    assert lines[0] == (
        f"{LONG_HEADER},coverage,uptime_expected(in hours),uptime_p05(in hours)"
        ",uptime_p95(in hours),corrected(in hours)"
    )
    assert lines[1].endswith(",1.00,0.00,1.00,0.00,1.00,,,,0.00")
    assert lines[-1].endswith(",56.00,,,,,,,,")


def test_long_in_every_format(reports: Reports) -> None:
    stores(reports)
    report_id = reports.report(windows=["2023-01-21"])
    address = f"/get_report/{report_id}"
    answer = reports.client.get(address, params={"layout": "long", "format": "json"}).json()
    assert answer["report_id"] == report_id
    assert answer["rows"][0] == {
        "store_id": f"{ID}1",
        "window": "2023-01-21",
        "start": "2023-01-20T15:00:00.000000Z",
        "end": T,
        "open": 0.5,
        "uptime": 0.0,
        "downtime": 0.5,
        "uptime_percent": 0.0,
    }
    assert answer["rows"][2]["uptime"] is None
    parquet = reports.client.get(address, params={"layout": "long", "format": "parquet"}).content
    table = pyarrow.parquet.read_table(io.BytesIO(parquet))
    assert table.column_names == LONG_HEADER.split(",")
    assert str(table.schema.field("start").type) == "timestamp[us, tz=UTC]"
    assert table["uptime(in percent)"].to_pylist() == [0.0, None, None]
    assert table["end"].to_pylist()[0].isoformat() == "2023-01-20T15:30:00+00:00"


def test_layouts_are_told_apart_by_their_names_and_tags(reports: Reports) -> None:
    stores(reports)
    report_id = reports.report()
    answers = [
        reports.client.get(f"/get_report/{report_id}", params=params)
        for params in ({}, {"layout": "wide"}, {"layout": "long"})
    ]
    tags = [answer.headers["ETag"] for answer in answers]
    assert tags[0] == tags[1] != tags[2]
    names = [answer.headers["Content-Disposition"] for answer in answers]
    assert names[0] == names[1]
    assert names[2] == names[0].replace(".csv", "-long.csv")
    tall = reports.client.get(f"/get_report/{report_id}", params={"layout": "tall"})
    assert (tall.status_code, tall.json()["errors"][0]["path"]) == (422, ["query", "layout"])


def test_an_old_report_keeps_the_zones_of_its_stores(reports: Reports, database_url: str) -> None:
    stores(reports)
    report_id = reports.report(windows=["last_week", "days:2023-W03"])
    before = reports.csv(report_id, layout="long")
    moved = "UPDATE stores SET timezone = 'Pacific/Auckland', feed = NULL RETURNING id"
    assert len(fetch(database_url, moved)) == 3
    assert reports.csv(report_id, layout="long") == before


def test_many_windows_are_written_in_pages_of_fewer_stores(
    reports: Reports, monkeypatch: pytest.MonkeyPatch
) -> None:
    stores(reports)
    report_id = reports.report(windows=["days:2023-01"])
    whole = [reports.csv(report_id, layout=layout) for layout in ("wide", "long")]
    assert [len(lines) for lines in whole] == [1 + 3, 1 + 3 * 21]
    monkeypatch.setattr("openhours.reports.downloads._WINDOWS_A_PAGE", 2 * 21)
    assert [reports.csv(report_id, layout=layout) for layout in ("wide", "long")] == whole


@pytest.mark.parametrize("form", ["csv", "json", "parquet", "xlsx"])
def test_a_report_removed_while_it_is_read_does_not_look_whole(
    reports: Reports, database_url: str, form: str
) -> None:
    stores(reports)
    report_id = reports.report()
    fetch(database_url, "DELETE FROM report_rows")
    answer = reports.client.get(f"/get_report/{report_id}", params={"format": form})
    assert answer.status_code == 404
    assert answer.json()["detail"] == "the report was removed"
