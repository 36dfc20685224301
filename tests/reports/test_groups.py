"""docs/spec.md on groups: sums over the stores that have the same label."""

import csv
import io
from collections import Counter, defaultdict
from datetime import UTC, datetime, timedelta
from typing import Any

import openpyxl
import pyarrow.parquet
import pytest

from tests.helpers.database import fetch
from tests.reports.computing import Reports
from tests.reports.regions import CLOSED, UP, T, add_stores

pytestmark = pytest.mark.slow

WINDOW = "last_day"
HEADER = (
    "region,stores,unknown_stores,open_last_day(in hours),uptime_last_day(in hours),"
    "downtime_last_day(in hours),uptime_last_day(in percent)"
)


def stores(reports: Reports) -> None:
    """Those of the regions, a PC without one, and a store that no report has."""
    add_stores(reports, "East, far")
    reports.label("nowhere", region="north", brand="x")
    beat = {"pc": "desk", "event_time": "2023-01-20T15:29:00Z"}
    assert reports.client.post("/track", json=beat).status_code == 201


def test_a_group_has_the_sums_of_its_known_stores(reports: Reports) -> None:
    stores(reports)
    report_id = reports.report(as_of=T, windows=[WINDOW])
    assert reports.csv(report_id, group_by="region") == [
        HEADER,
        '"East, far",1,0,8.00,3.50,4.50,43.75',
        "east,1,1,0.00,0.00,0.00,",
        "west,2,0,48.00,36.00,12.00,75.00",
        # The PC is open since a week before its first beat, and nothing is known before that.
        ",2,0,8.02,8.02,0.00,100.00",
    ]
    assert reports.info(report_id)["label_keys"] == ["brand", "name", "region"]


def test_a_key_that_no_store_of_the_report_has_gives_one_group(reports: Reports) -> None:
    stores(reports)
    report_id = reports.report(as_of=T, windows=[WINDOW], store_ids=["a", "c"])
    assert [line.split(",")[:4] for line in reports.csv(report_id, group_by="brand")[1:]] == [
        ["", "2", "1", "24.00"]
    ]
    west = reports.report(as_of=T, windows=[WINDOW], labels={"region": ["west"]})
    assert reports.csv(west, group_by="region")[1:] == ["west,2,0,48.00,36.00,12.00,75.00"]
    none = reports.report(as_of=T, labels={"region": ["north"]})
    assert len(reports.csv(none, group_by="region")) == 1
    assert reports.info(none)["label_keys"] == ["brand", "name", "region"]


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"group_by": "area"}, "unknown label: area; there are brand, name, region"),
        ({"group_by": ""}, "unknown label: ; there are"),
        ({"group_by": "region", "layout": "long"}, "groups have no"),
        ({"group_by": "a\0"}, "must not contain NUL"),
    ],
)
def test_what_cannot_be_grouped_by_is_named(
    reports: Reports, params: dict[str, str], message: str
) -> None:
    stores(reports)
    answer = reports.client.get(f"/get_report/{reports.report()}", params=params)
    assert answer.status_code == 422
    (error,) = answer.json()["errors"]
    assert error["path"] == ["query", "group_by"]
    assert message in error["message"]


def test_groups_in_every_format(reports: Reports) -> None:
    stores(reports)
    report_id = reports.report(as_of=T, windows=[WINDOW])

    def asked(form: str) -> Any:
        params = {"group_by": "region", "format": form}
        answer = reports.client.get("/get_report", params={"report_id": report_id, **params})
        assert answer.status_code == 200
        name = f"report-20230120T153000Z-{report_id[:8]}-by-region.{form}"
        assert answer.headers["Content-Disposition"] == f'attachment; filename="{name}"'
        return answer

    body = asked("json").json()
    assert body["report_id"] == report_id
    assert body["rows"][1:3] == [
        {
            "region": "east", "stores": 1, "unknown_stores": 1, "open_last_day": 0.0,
            "uptime_last_day": 0.0, "downtime_last_day": 0.0, "uptime_percent_last_day": None,
        },
        {
            "region": "west", "stores": 2, "unknown_stores": 0, "open_last_day": 48.0,
            "uptime_last_day": 36.0, "downtime_last_day": 12.0, "uptime_percent_last_day": 75.0,
        },
    ]  # fmt: skip
    table = pyarrow.parquet.read_table(io.BytesIO(asked("parquet").content))
    assert table.column_names == HEADER.split(",")
    assert table["region"].to_pylist() == ["East, far", "east", "west", ""]
    assert table["stores"].to_pylist() == [1, 1, 2, 2]
    assert table["uptime_last_day(in percent)"].to_pylist() == [43.75, None, 75.0, 100.0]
    sheet = openpyxl.load_workbook(io.BytesIO(asked("xlsx").content)).active
    assert sheet is not None
    cells = list(sheet.iter_rows(values_only=True))
    assert cells[0] == tuple(HEADER.split(","))
    assert cells[3] == ("west", 2, 0, 48, 36, 12, 75)
    assert sheet["B4"].number_format == "General"


def test_a_label_may_have_the_name_of_a_figure(reports: Reports) -> None:
    reports.store("a", UP)
    reports.label("a", stores="one", open_last_day="x")
    report_id = reports.report(windows=[WINDOW])
    for key in ("stores", "open_last_day"):
        address = f"/get_report/{report_id}"
        params = {"group_by": key, "format": "json"}
        (row,) = reports.client.get(address, params=params).json()["rows"]
        assert row[f"{key}_"] in ("one", "x")
        assert row["stores"] == 1
        assert reports.csv(report_id, group_by=key)[0].startswith(f"{key}_,stores,unknown_stores,")


def test_groups_of_a_report_have_a_tag_for_each_key(reports: Reports) -> None:
    stores(reports)
    reports.label("a", **{'"é"': "x"})
    address = f"/get_report/{reports.report()}"
    tags = set()
    for group_by in (None, "region", "name", '"é"'):
        params = {} if group_by is None else {"group_by": group_by}
        answer = reports.client.get(address, params=params)
        assert answer.status_code == 200
        tags.add(answer.headers["ETag"])
        again = {"If-None-Match": answer.headers["ETag"]}
        assert reports.client.get(address, params=params, headers=again).status_code == 304
    assert len(tags) == 4


def fleet(reports: Reports) -> None:
    """Many stores with labels of all kinds, two of them unknown, and a PC."""
    noon = datetime(2023, 1, 20, 12, tzinfo=UTC)
    for n in range(23):
        polls = [
            f"{noon - timedelta(hours=h, minutes=n):%Y-%m-%d %H:%M} "
            + ("active" if (h * n) % 3 else "inactive")
            for h in range(0, 90, 7)
        ]
        polls = [f"2023-01-20 12:{n:02d} active"] if n in (5, 17) else polls  # it is 21:nn
        zone, hours = ("Asia/Tokyo" if n % 2 else "UTC"), ("9-17" if n % 3 else "")
        reports.store(f"s{n}", polls, zone, hours=hours)
        reports.label(
            f"s{n}", name=f"store {n}", region=("east", "west", "")[n % 3], brand=str(n % 5)
        )
    reports.store("lonely", CLOSED, hours="9-17")
    beat = {"pc": "desk", "event_time": "2023-01-18T15:29:00Z"}
    assert reports.client.post("/track", json=beat).status_code == 201


WINDOWS = ["last_day", "last_week", "days:2023-W03"]
KEYS = ("brand", "name", "region")


def numbers(stores: int, known: int, opened: list[int], up: list[int]) -> dict[Any, int]:
    """A store's figures, or a group's, by name; of an unknown store there are none."""
    times = {
        (name, n): us
        for name, of_windows in (("open", opened), ("up", up))
        for n, us in enumerate(of_windows)
    }
    return {"stores": stores, "known": known} | (times if known else dict.fromkeys(times, 0))


def groups_of(url: str) -> list[tuple[Any, ...]]:
    """All groups: key and value, stores, unknown ones, open time and uptime of the windows."""
    rows = fetch(
        url,
        "SELECT key, values, stores, unknown_stores, open, up FROM report_groups ORDER BY key, row",
    )
    return [(key, *group) for key, *columns in rows for group in zip(*columns, strict=True)]


def test_stores_sum_to_their_group_and_groups_to_all_stores(
    reports: Reports, database_url: str
) -> None:
    fleet(reports)
    reports.report(as_of=T, windows=WINDOWS)
    of: dict[tuple[Any, Any], Any] = {
        (store, key): value
        for store, key, value in fetch(database_url, "SELECT store, key, value FROM labels")
    }
    expected: dict[tuple[str, str], Counter[Any]] = defaultdict(Counter)
    rows: list[tuple[Any, ...]] = fetch(
        database_url, "SELECT store, known, open, up FROM report_rows"
    )
    for store, *figures in rows:
        for key in KEYS:
            expected[key, of.get((store, key), "")].update(numbers(True, *figures))
    found = {
        (key, value): Counter(numbers(stores, stores - unknown, opened, up) | {"stores": stores})
        for key, value, stores, unknown, opened, up in groups_of(database_url)
    }
    assert found == expected
    totals = []
    for key in KEYS:
        total: Counter[Any] = Counter()
        for (of_key, _), sums in found.items():
            total.update(sums if of_key == key else {})
        totals.append(total)
    assert totals[0] == totals[1] == totals[2]
    assert (totals[0]["stores"], totals[0]["known"]) == (25, 22)


def test_however_the_work_is_cut_the_groups_are_the_same(
    reports: Reports, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    fleet(reports)
    whole = reports.report(as_of=T, windows=WINDOWS)
    once = groups_of(database_url)
    files = [reports.csv(whole, group_by=key) for key in KEYS]
    for name, value in (
        ("plan._FIGURES_A_PARTITION", 9),  # a store each
        ("groups._SUMS_A_BATCH", 4 * 20),  # four labels
        ("groups._FIGURES_AT_ONCE", 3 * 18),
    ):
        monkeypatch.setattr(f"openhours.reports.{name}", value)
        fetch(database_url, "DELETE FROM report_groups")
        cut = reports.report(as_of=T, windows=WINDOWS)
        assert groups_of(database_url) == once, name
    monkeypatch.setattr("openhours.reports.groups._GROUPS_A_ROW", 2)
    cut = reports.report(as_of=T, windows=WINDOWS)
    assert [reports.csv(cut, group_by=key) for key in KEYS] == files
    (rows,) = fetch(
        database_url,
        "SELECT count(*) FROM report_groups WHERE key = 'name'"
        " GROUP BY report ORDER BY report DESC LIMIT 1",
    )
    assert rows == (13,), "23 names, two a row, and the stores without one"


def test_old_reports_are_untouched_when_labels_change(reports: Reports) -> None:
    fleet(reports)
    report_id = reports.report(as_of=T)
    before = [reports.csv(report_id, group_by=key) for key in KEYS]
    reports.label("s1", region="south", name="", new="x")
    fetch(reports.url, "DELETE FROM labels WHERE key = 'brand'")
    assert [reports.csv(report_id, group_by=key) for key in KEYS] == before
    assert reports.info(report_id)["label_keys"] == list(KEYS)
    assert reports.info(reports.report(as_of=T))["label_keys"] == ["name", "new", "region"]


def test_labels_change_no_other_byte_of_a_report(reports: Reports) -> None:
    fleet(reports)
    labelled = reports.csv(reports.report(as_of=T), detail="full")
    fetch(reports.url, "DELETE FROM labels")
    assert reports.csv(reports.report(as_of=T), detail="full") == labelled


def test_sums_of_centuries_are_exact(reports: Reports) -> None:
    reports.store("a", UP)
    reports.label("a", region="west")
    report_id = reports.report(windows=[WINDOW])
    hours = 250_000 * 8766  # more µs in hundredths of a percent than 64 bits hold
    up = hours * 3_600_000_000 - 1
    fetch(
        reports.url,
        f"UPDATE report_groups SET open = ARRAY[ARRAY[{up + 1}]], up = ARRAY[ARRAY[{up}]]",
    )
    (row,) = csv.DictReader(io.StringIO("\n".join(reports.csv(report_id, group_by="region"))))
    assert row["open_last_day(in hours)"] == f"{hours}.00"
    assert row["downtime_last_day(in hours)"] == "0.00"
    assert row["uptime_last_day(in percent)"] == "100.00"


def test_a_removed_report_takes_its_groups_along(reports: Reports) -> None:
    stores(reports)
    kept, gone = reports.report(), reports.report()
    assert reports.client.delete(f"/reports/{gone}").status_code == 204
    (of,) = fetch(reports.url, "SELECT count(DISTINCT report) FROM report_groups")
    assert of == (1,)
    assert len(reports.csv(kept, group_by="name")) > 1
