"""docs/spec.md, "Outages": those of a report, over the application's routes."""

import asyncio
import csv
import io
from collections.abc import Iterator
from concurrent.futures.process import BrokenProcessPool
from typing import Any

import asyncpg
import openpyxl
import pyarrow.parquet
import pytest

from openhours.reports import xlsx
from openhours.reports.executors import Computation, Found, Part
from openhours.settings import Settings
from tests.helpers.csv_files import ID, rows_of
from tests.helpers.database import fetch
from tests.reports.computing import InThisProcess, Reports, reporting

pytestmark = pytest.mark.slow

HEADER = (
    "store_id,began_at,ended_at,began_earliest,ended_latest,downtime(in minutes),observations,"
    "ongoing"
)


OPTIONS: dict[str, Any] = {"outages": True, "as_of": "2023-01-20T14:00:00Z"}


@pytest.fixture
def reports(settings: Settings) -> Iterator[Reports]:
    with reporting(settings) as reports:
        yield reports


def at(text: str) -> str:
    return f"2023-01-{text}:00.000000Z".replace(" ", "T")


def stores(reports: Reports) -> None:
    """One down over night and at the end, one down a week before, one up, one unknown."""
    reports.store(
        f"{ID}2",
        [
            "2023-01-18 16:00 active",
            "2023-01-18 16:30 inactive",
            "2023-01-19 09:30 inactive",
            "2023-01-19 10:00 active",
            "2023-01-20 14:00 inactive",
        ],
        hours="9-17",
    )
    reports.store(
        f"{ID}10",
        [f"2023-01-{at}" for at in ("09 12:00 active", "09 13:00 inactive", "09 14:00 active")],
        hours="9-17",
    )
    reports.store("up", ["2023-01-20 15:00 active"])
    reports.store("closed", ["2023-01-20 03:00 inactive"], hours="9-17")


def lines(reports: Reports, report_id: str) -> list[str]:
    answer = reports.client.get(f"/reports/{report_id}/outages")
    assert answer.status_code == 200, answer.text
    return list(answer.text.splitlines())


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


def test_outages_do_not_change_with_later_data(reports: Reports) -> None:
    stores(reports)
    report_id = reports.report(outages=True)
    before = lines(reports, report_id)
    reports.store(f"{ID}3", ["2023-01-20 10:00 inactive"])
    assert lines(reports, report_id) == before
    assert len(lines(reports, reports.report(outages=True))) == len(before) + 1


def test_many_outages_are_read_in_pages_of_stores(
    reports: Reports, monkeypatch: pytest.MonkeyPatch
) -> None:
    for n in range(9, 0, -1):
        polls = [
            f"2023-01-20 {hour:02d}:00 {'in' * (hour % 2)}active" for hour in range(10, 12 + n)
        ]
        reports.store(f"s{n}", polls, hours="9-22")
    report_id = reports.report(outages=True)
    whole = lines(reports, report_id)
    assert whole[1:] == sorted(whole[1:])
    assert len(whole) == 1 + sum((n + 2) // 2 for n in range(1, 10))
    monkeypatch.setattr("openhours.reports.downloads._OUTAGES_A_PAGE", 3)
    assert lines(reports, report_id) == whole


def test_a_list_whose_report_is_removed_while_it_is_read_does_not_look_whole(
    reports: Reports, database_url: str
) -> None:
    stores(reports)
    report_id = reports.report(outages=True)
    fetch(database_url, "DELETE FROM report_outages WHERE true = ANY(ongoing) RETURNING store")
    answer = reports.client.get(f"/reports/{report_id}/outages")
    assert (answer.status_code, answer.json()["detail"]) == (404, "the report was removed")


def test_a_second_attempt_after_a_killed_one_lists_each_outage_once(reports: Reports) -> None:
    stores(reports)
    reports.client.post("/track", json={"pc": "desk", "event_time": "2023-01-20T10:00:00Z"})
    once = lines(reports, reports.report(**OPTIONS))

    class Dying(InThisProcess):
        """A process is killed after it has given back a partition."""

        computed = 0

        async def compute(self, function: Computation[Part, Found], part: Part) -> Found:
            found = await super().compute(function, part)
            self.computed += 1
            if self.computed == 2:
                raise BrokenProcessPool
            return found

    report_id = reports.trigger(**OPTIONS)
    with pytest.raises(BrokenProcessPool):
        reports.compute(report_id, Dying)
    assert fetch(reports.url, "SELECT count(DISTINCT report) FROM report_outages") == [(1,)]
    reports.compute(report_id)
    assert lines(reports, report_id) == once


def test_an_attempt_that_was_overtaken_adds_nothing(reports: Reports) -> None:
    stores(reports)
    once = lines(reports, reports.report(outages=True))

    class Slow(InThisProcess):
        """Another worker takes the report over and completes it meanwhile."""

        async def compute(self, function: Computation[Part, Found], part: Part) -> Found:
            await asyncio.to_thread(reports.compute, report_id)
            return await super().compute(function, part)

    report_id = reports.trigger(outages=True)
    with pytest.raises(asyncpg.UniqueViolationError):
        reports.compute(report_id, Slow)
    assert lines(reports, report_id) == once


def test_the_sums_in_the_database_are_exact(reports: Reports, database_url: str) -> None:
    """The downtime of a window that holds all outages is that of the outages, to the µs."""
    stores(reports)
    reports.report(outages=True, windows=["P14D"])
    sums = """
        SELECT w.store, w.open[1] - w.up[1],
               (SELECT sum(down)::int8 FROM report_outages o, unnest(downtime) down
                WHERE o.report = w.report AND o.store = w.store)
        FROM report_rows w WHERE known
    """
    found = {store: (down, total or 0) for store, down, total in fetch(database_url, sums)}
    assert len(found) == 3
    assert all(down == total for down, total in found.values())


def test_the_rows_of_a_report_are_the_same_to_the_byte_with_and_without(reports: Reports) -> None:
    stores(reports)
    texts = [
        reports.client.get(f"/get_report/{reports.report(**options)}").text
        for options in ({}, {"outages": True}, {"outages": False})
    ]
    assert texts[0] == texts[1] == texts[2]
    assert rows_of(texts[0]).keys() == {f"{ID}2", f"{ID}10", "up", "closed"}
