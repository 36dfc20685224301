"""docs/spec.md, "Outages": those of a report, over the application's routes."""

import csv
import io
from typing import Any

import openpyxl
import pyarrow.parquet
import pytest

from openhours.reports import xlsx
from tests.helpers.csv_files import ID
from tests.reports.computing import Reports
from tests.reports.some_outages import at, lines, stores

pytestmark = pytest.mark.slow

HEADER = (
    "store_id,began_at,ended_at,began_earliest,ended_latest,downtime(in minutes),observations,"
    "ongoing"
)


OVER_NIGHT = (
    f"{ID}2,{at('18 16:15')},{at('19 09:45')},{at('18 16:00')},{at('19 10:00')},90.00,2,false"
)
# The poll of the 20th is the only one of its opening, and decides all of it.
AT_THE_END = f"{ID}2,{at('20 09:00')},,{at('19 10:00')},,360.00,1,true"
A_WEEK_BEFORE = (
    f"{ID}10,{at('09 12:30')},{at('09 13:30')},{at('09 12:00')},{at('09 14:00')},60.00,1,false"
)


def test_outages_with_downtime_in_a_window_are_listed_whole_by_store_and_time(
    reports: Reports,
) -> None:
    stores(reports)
    assert lines(reports, reports.report(outages=True)) == [HEADER, OVER_NIGHT, AT_THE_END]
    everything = reports.report(outages=True, windows=["P14D"])
    assert lines(reports, everything) == [HEADER, A_WEEK_BEFORE, OVER_NIGHT, AT_THE_END]
    # It began on the day before, and is not cut.
    one_day = reports.report(outages=True, windows=["2023-01-19"])
    assert lines(reports, one_day) == [HEADER, OVER_NIGHT]
    assert lines(reports, reports.report(outages=True, windows=["2023-01-17"])) == [HEADER]


def test_detail_full_counts_the_outages_of_each_window_and_tells_the_longest(
    reports: Reports,
) -> None:
    stores(reports)
    windows = ["PT30M", "2023-01-19", "last_week"]
    report_id = reports.report(outages=True, windows=windows)
    basic = reports.csv(report_id)
    assert "outage" not in basic[0]
    full = reports.csv(report_id, detail="full")
    assert full[0].split(",")[-6:] == [
        "outages_PT30M",
        "longest_outage_PT30M(in minutes)",
        "outages_2023-01-19",
        "longest_outage_2023-01-19(in minutes)",
        "outages_last_week",
        "longest_outage_last_week(in minutes)",
    ]
    rows = {line.split(",")[0]: line.split(",")[-6:] for line in full[1:]}
    assert rows == {
        f"{ID}2": ["1", "30.00", "1", "45.00", "2", "360.00"],
        f"{ID}10": ["0", "0.00"] * 3,
        "up": ["0", "0.00"] * 3,
        "closed": [""] * 6,
    }
    long = reports.csv(report_id, detail="full", layout="long")
    assert long[0].split(",")[-2:] == ["outages", "longest_outage(in minutes)"]
    cells = {tuple(line.split(",")[:2]): line.split(",")[-2:] for line in long[1:]}
    assert cells[f"{ID}2", "last_week"] == ["2", "360.00"]
    assert cells["closed", "last_week"] == ["", ""]
    answer = reports.client.get(
        f"/get_report/{report_id}", params={"detail": "full", "format": "json"}
    )
    by_id = {row["store_id"]: row for row in answer.json()["rows"]}
    assert '"outages_last_week":2,' in answer.text
    assert by_id[f"{ID}2"]["longest_outage_last_week"] == 360
    assert by_id["closed"]["outages_last_week"] is None


def test_a_report_without_outages_has_no_columns_of_them(reports: Reports) -> None:
    stores(reports)
    report_id = reports.report()
    plain = reports.csv(report_id, detail="full")
    assert "outage" not in plain[0]
    asked = reports.report(outages=True)
    assert reports.csv(asked) == reports.csv(report_id)
    whole = [line.split(",") for line in reports.csv(asked, detail="full")]
    assert [",".join(line[:-6]) for line in whole] == plain
    described: list[dict[str, Any]] = reports.client.get("/reports").json()
    assert [report["outages"] for report in described] == [True, False]


def test_corrections_decide_what_is_an_outage(reports: Reports) -> None:
    stores(reports)
    for treat_as, begins, ends in (
        ("up", "20T09:00", "20T13:00"),
        ("excluded", "19T09:00", "19T09:30"),
        ("down", "19T12:00", "19T13:00"),
    ):
        answer = reports.client.post(
            "/corrections",
            json={
                "store_ids": [f"{ID}2"],
                "from": f"2023-01-{begins}:00Z",
                "to": f"2023-01-{ends}:00Z",
                "treat_as": treat_as,
                "category": "other",
                "reason": "because",
            },
        )
        assert answer.status_code == 201
    assert lines(reports, reports.report(outages=True)) == [
        HEADER,
        OVER_NIGHT.replace("90.00", "60.00"),
        f"{ID}2,{at('19 12:00')},{at('19 13:00')},{at('19 10:00')},,60.00,0,false",
        f"{ID}2,{at('20 13:00')},,{at('19 10:00')},,120.00,1,true",
    ]


def test_a_pc_is_out_from_the_end_of_its_last_beat_until_the_next(reports: Reports) -> None:
    for beat in ("2023-01-20T10:00:00Z", "2023-01-20T10:01:00Z", "2023-01-20T11:00:00Z"):
        sent = {"pc": "desk", "event_time": beat}
        assert reports.client.post("/track", json=sent).status_code == 201
    report_id = reports.report(outages=True, as_of="2023-01-20T12:00:00Z")
    assert lines(reports, report_id)[1:] == [
        "pc:desk,2023-01-20T10:03:30.000000Z,2023-01-20T11:00:00.000000Z,"
        "2023-01-20T10:01:00.000000Z,2023-01-20T11:00:00.000000Z,56.50,0,false",
        "pc:desk,2023-01-20T11:02:30.000000Z,,2023-01-20T11:00:00.000000Z,,57.50,0,true",
    ]


def test_all_formats_have_the_same_outages(reports: Reports) -> None:
    stores(reports)
    report_id = reports.report(outages=True)
    address = f"/reports/{report_id}/outages"
    rows = list(csv.DictReader(io.StringIO(reports.client.get(address).text)))

    answer = reports.client.get(address, params={"format": "json"}).json()
    assert (answer["report_id"], answer["outages"]) == (report_id, True)
    assert answer["rows"][1] == {
        "store_id": f"{ID}2",
        "began_at": at("20 09:00"),
        "ended_at": None,
        "began_earliest": at("19 10:00"),
        "ended_latest": None,
        "downtime": 360,
        "observations": 1,
        "ongoing": True,
    }
    parquet = reports.client.get(address, params={"format": "parquet"}).content
    table = pyarrow.parquet.read_table(io.BytesIO(parquet))
    assert table.column_names == HEADER.split(",")
    assert [str(field.type) for field in table.schema][-3:] == ["double", "int64", "bool"]
    assert [value is None for value in table["ended_at"].to_pylist()] == [False, True]
    book = reports.client.get(address, params={"format": "xlsx"})
    assert book.headers["Content-Disposition"].endswith('-outages.xlsx"')
    sheet = openpyxl.load_workbook(io.BytesIO(book.content)).active
    assert sheet is not None
    assert list(sheet.values) == [
        tuple(HEADER.split(",")),
        *(
            (
                *(row[name] or None for name in HEADER.split(",")[:5]),
                float(row["downtime(in minutes)"]),
                int(row["observations"]),
                row["ongoing"] == "true",
            )
            for row in rows
        ),
    ]


def test_who_asks_for_outages_that_are_not_there_is_told_why(
    reports: Reports, monkeypatch: pytest.MonkeyPatch
) -> None:
    def answer(report_id: str, **params: str) -> tuple[int, str]:
        found = reports.client.get(f"/reports/{report_id}/outages", params=params)
        return found.status_code, str(found.json()["detail"])

    stores(reports)
    assert answer("nothing") == (404, "no report has this id")
    queued = reports.client.post("/trigger_report", json={"outages": True}).json()["report_id"]
    assert answer(queued) == (409, "the report is queued")
    code, detail = answer(reports.report())
    assert (code, "not asked for outages" in detail) == (409, True)
    monkeypatch.setattr(xlsx, "MAX_ROWS", 1)
    code, detail = answer(reports.report(outages=True), format="xlsx")
    assert (code, "2 rows do not fit" in detail) == (422, True)
    for wrong in ("maybe", 2):
        refused = reports.client.post("/trigger_report", json={"outages": wrong})
        assert refused.status_code == 422
        assert refused.json()["errors"][0]["path"] == ["body", "outages"]
