"""docs/spec.md on targets: which stores met theirs, as far as their intervals tell."""

import csv
import io
import json
from collections import Counter, defaultdict
from collections.abc import Iterator
from decimal import Decimal
from fractions import Fraction
from typing import Any

import openpyxl
import pyarrow.parquet
import pytest

from openhours.settings import Settings
from tests.helpers.database import fetch
from tests.helpers.seed import week_of_polls
from tests.reports.computing import Reports, reporting

pytestmark = pytest.mark.slow

STORES = 12
WINDOWS = ["last_hour", "2023-01-21", "P3D"]
WORDS = ["", "met", "missed", "cannot_tell"]
# Of stores whose number has this rest by four; the others have none of their own.
OWN = {0: "100", 1: "0", 2: "93.75"}


@pytest.fixture
def database(database_url: str) -> str:
    """Stores polled every hour for six days, every third one always up; and an unknown one."""
    down_now_and_then = "s % 3 = 0 OR (n * 7 + s * 13) % (5 + s) > 1"
    for statement in week_of_polls(STORES, 150, "1 hour", down_now_and_then):
        fetch(database_url, statement)
    fetch(database_url, "INSERT INTO feed_clocks VALUES ('polled', '2023-01-22 05:00+00')")
    return database_url


@pytest.fixture
def reports(settings: Settings, database: str) -> Iterator[Reports]:
    """Without any target."""
    with reporting(settings) as found:
        found.store("closed", ["2023-01-20 15:30 active"], hours="9-10")
        yield found


def label(reports: Reports) -> None:
    for number in range(1, STORES + 1):
        if number % 4 in OWN:
            reports.label(f"store-{number}", target=OWN[number % 4], region="ab"[number % 2])
    reports.label("closed", target="50", region="a")


@pytest.fixture
def labelled(reports: Reports) -> Reports:
    """With the targets of `OWN`."""
    label(reports)
    return reports


def rows(reports: Reports, report_id: str, **params: str) -> dict[str, dict[str, str]]:
    text = "\n".join(reports.csv(report_id, detail="full", **params))
    return {row["store_id"]: row for row in csv.DictReader(io.StringIO(text))}


def targets(reports: Reports, report_id: str) -> dict[str, str]:
    found = rows(reports, report_id)
    return {store_id: row["target(in percent)"] for store_id, row in found.items()}


def judged(url: str) -> list[tuple[Any, ...]]:
    """Stores and windows of the only report, with the verdict and what it follows from."""
    return fetch(
        url,
        "SELECT store_id, r.known, r.target, n, r.open[n], r.p05[n], r.p95[n], r.verdict[n]"
        " FROM report_rows r JOIN stores s ON s.id = r.store, generate_subscripts(r.open, 1) n"
        " ORDER BY store_id, n",
    )


def test_a_report_with_intervals_and_a_target_says_who_met_it(labelled: Reports) -> None:
    report_id = labelled.report(intervals=True, windows=WINDOWS)
    found = rows(labelled, report_id)
    told = Counter[str]()
    for store_id, known, target, n, opened, p05, p95, verdict in judged(labelled.url):
        word = ""
        if known and opened and target >= 0:
            low, high = (Fraction(us, opened) >= Fraction(target, 10_000) for us in (p05, p95))
            word = "met" if low else "cannot_tell" if high else "missed"
        assert WORDS[verdict] == found[store_id][f"verdict_{WINDOWS[n - 1]}"] == word
        told[word] += 1
    assert all(told[word] > 0 for word in WORDS), told
    assert found["store-1"]["target(in percent)"] == "0.00"
    assert found["store-2"]["target(in percent)"] == "93.75"
    assert found["store-3"]["target(in percent)"] == ""
    assert found["closed"]["target(in percent)"] == "50.00"
    assert labelled.info(report_id)["verdicts"] is True
    assert labelled.info(report_id)["target"] is None


def test_the_label_goes_before_the_setting(settings: Settings, database: str) -> None:
    with reporting(settings.model_copy(update={"target": Decimal("99.5")})) as reports:
        label(reports)
        report_id = reports.report(intervals=True)
        assert reports.info(report_id)["target"] == 99.5
        found = targets(reports, report_id)
    own = {number % 4: found[f"store-{number}"] for number in range(1, STORES + 1)}
    assert own == {0: "100.00", 1: "0.00", 2: "93.75", 3: "99.50"}


def test_the_setting_is_the_one_of_the_trigger(settings: Settings, database: str) -> None:
    with reporting(settings.model_copy(update={"target": Decimal(99)})) as reports:
        report_id = reports.trigger(intervals=True)
    with reporting(settings) as reports:
        reports.compute(report_id)
        assert set(targets(reports, report_id).values()) == {"99.00"}
        assert reports.info(reports.report(intervals=True))["verdicts"] is False


def test_the_labels_are_those_of_the_report_s_snapshot(labelled: Reports) -> None:
    queued = labelled.trigger(intervals=True, store_ids=["store-1", "store-2"])
    labelled.label("store-1", target="12.5")
    labelled.label("store-2", target="")
    labelled.compute(queued)
    assert targets(labelled, queued) == {"store-1": "12.50", "store-2": ""}
    before = labelled.csv(queued, detail="full")
    labelled.label("store-1", target="13")
    assert labelled.csv(queued, detail="full") == before


def test_a_label_that_was_no_target_before_it_meant_one_is_none(reports: Reports) -> None:
    reports.label("store-1", target="gold")
    assert reports.info(reports.report(intervals=True))["verdicts"] is False


@pytest.mark.parametrize(("intervals", "has_target"), [(True, False), (False, True)])
def test_without_intervals_or_any_target_no_byte_changes(
    reports: Reports, intervals: bool, has_target: bool
) -> None:
    layouts = ("wide", "long")
    before = reports.report(intervals=intervals)
    files = [reports.csv(before, detail="full", layout=layout) for layout in layouts]
    if has_target:
        label(reports)
    after = reports.report(intervals=intervals)
    assert [reports.csv(after, detail="full", layout=layout) for layout in layouts] == files


def test_the_default_columns_stay_as_they_are(reports: Reports) -> None:
    layouts = ("wide", "long")
    before = reports.report(intervals=True)
    files = [reports.csv(before, layout=layout) for layout in layouts]
    label(reports)
    after = reports.report(intervals=True)
    assert [reports.csv(after, layout=layout) for layout in layouts] == files


def test_a_pc_is_judged_by_its_uptime(reports: Reports) -> None:
    for minute in range(30, 60):
        beat = {"pc": "desk", "event_time": f"2023-01-20T14:{minute}:00Z"}
        assert reports.client.post("/track", json=beat).status_code == 201

    def verdict(target: str) -> str:
        reports.label("pc:desk", target=target)
        options = {"as_of": "2023-01-20T15:00:00Z", "windows": ["last_hour"], "intervals": True}
        return rows(reports, reports.report(**options))["pc:desk"]["verdict_last_hour"]

    # The half hour since its first beat counts, and the half hour before it does not.
    assert verdict("100") == "met"
    fetch(reports.url, "DELETE FROM heartbeats WHERE event_time > '2023-01-20 14:45+00'")
    assert verdict("50") == "met"
    assert verdict("90") == "missed"


@pytest.mark.parametrize("layout", ["wide", "long"])
def test_every_format_says_the_same(labelled: Reports, layout: str) -> None:
    report_id = labelled.report(intervals=True, windows=WINDOWS)
    lines = list(csv.DictReader(labelled.csv(report_id, detail="full", layout=layout)))
    titles = [name for name in lines[0] if name.startswith(("target", "verdict"))]
    of_windows = [f"verdict_{name}" for name in WINDOWS]
    verdict_names = of_windows if layout == "wide" else ["verdict"]
    assert titles == ["target(in percent)", *verdict_names]

    def asked(form: str) -> bytes:
        params = {"detail": "full", "layout": layout, "format": form}
        answer = labelled.client.get(f"/get_report/{report_id}", params=params)
        assert answer.status_code == 200
        return bytes(answer.content)

    names = ["target", *verdict_names]
    expected = [
        [float(line[titles[0]]) if line[titles[0]] else None]
        + [line[title] or None for title in titles[1:]]
        for line in lines
    ]
    table = pyarrow.parquet.read_table(io.BytesIO(asked("parquet"))).to_pylist()
    assert [[row[title] for title in titles] for row in table] == expected
    sheet = openpyxl.load_workbook(io.BytesIO(asked("xlsx"))).active
    assert sheet is not None
    header, *cells = sheet.iter_rows(values_only=True)
    assert [list(row[header.index(titles[0]) :]) for row in cells] == expected
    objects = json.loads(asked("json"))["rows"]
    assert [[row[name] for name in names] for row in objects] == expected


def test_groups_count_the_verdicts_of_their_stores(labelled: Reports) -> None:
    report_id = labelled.report(intervals=True, windows=WINDOWS)
    query = "SELECT store_id, value FROM stores s JOIN labels ON store = s.id AND key = 'region'"
    regions: dict[str, str] = {
        str(store): str(value) for store, value in fetch(labelled.url, query)
    }
    expected: dict[str, Counter[str]] = defaultdict(Counter)
    for store_id, row in rows(labelled, report_id).items():
        for window in WINDOWS:
            expected[regions.get(store_id, "")][f"{row[f'verdict_{window}']}_{window}"] += 1
    basic = labelled.csv(report_id, group_by="region")
    full = labelled.csv(report_id, group_by="region", detail="full")
    assert [line.startswith(of + ",") for line, of in zip(full, basic, strict=True)] == [True] * 4
    columns = [f"{verdict}_{window}" for window in WINDOWS for verdict in WORDS[1:]]
    assert full[0].removeprefix(basic[0] + ",") == ",".join(columns)
    for row in csv.DictReader(full):
        assert {name: int(row[name]) for name in columns} == {
            name: expected[row["region"]][name] for name in columns
        }


def test_groups_without_verdicts_have_nothing_more_to_say(labelled: Reports) -> None:
    report_id = labelled.report(windows=WINDOWS)
    basic = labelled.csv(report_id, group_by="region")
    assert labelled.csv(report_id, group_by="region", detail="full") == basic


def test_however_the_work_is_cut_verdicts_and_their_counts_are_the_same(
    labelled: Reports, monkeypatch: pytest.MonkeyPatch
) -> None:
    options: dict[str, Any] = {"intervals": True, "windows": WINDOWS}
    keys = ("region", "target")

    def files() -> list[list[str]]:
        report_id = labelled.report(**options)
        groups = [labelled.csv(report_id, group_by=key, detail="full") for key in keys]
        return [labelled.csv(report_id, detail="full"), *groups]

    once = files()
    for name, value in (
        ("plan._FIGURES_A_PARTITION", 3),  # a store each
        ("groups._SUMS_A_BATCH", 2 * 17),  # two labels
        ("groups._FIGURES_AT_ONCE", 2 * 17),
        ("groups._GROUPS_A_ROW", 1),
    ):
        monkeypatch.setattr(f"openhours.reports.{name}", value)
        assert files() == once, name
