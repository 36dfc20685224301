"""Reports that say how sure uptime is."""

import csv
import hashlib
import io
from collections.abc import Iterator
from datetime import UTC, datetime

import pyarrow.parquet
import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from openhours.reports import fleet
from openhours.reports.metrics import read_metrics
from openhours.reports.slices import Slice
from openhours.settings import Settings
from openhours.stores.tables import POLLED
from openhours.times import DAY, to_us
from openhours.uptime.intervals.rates import POINTS
from tests.helpers.database import fetch, on_engine
from tests.helpers.seed import week_of_polls
from tests.reports.computing import Reports, reporting

pytestmark = pytest.mark.slow

RANGE = ("p05", "expected", "p95")
STORES, HOURS = 60, 150


@pytest.fixture
def reports(settings: Settings, database_url: str) -> Iterator[Reports]:
    """Stores polled every hour for six days, some of them down now and then; and two more."""
    down_now_and_then = "s % 3 = 0 OR (n * 7 + s * 13) % (5 + s) > 1"
    for statement in week_of_polls(STORES, HOURS, "1 hour", down_now_and_then):
        fetch(database_url, statement)
    fetch(database_url, "INSERT INTO feed_clocks VALUES ('polled', '2023-01-22 05:00+00')")
    with reporting(settings) as found:
        found.store("closed", ["2023-01-20 15:30 active"], hours="9-10")
        yield found


def rows(reports: Reports, report_id: str, **params: str) -> dict[str, dict[str, str]]:
    text = "\n".join(reports.csv(report_id, detail="full", **params))
    return {row["store_id"]: row for row in csv.DictReader(io.StringIO(text))}


def interval(row: dict[str, str], window: str, unit: str = "hours") -> list[str]:
    """The interval, and the uptime."""
    names = (*(f"uptime_{name}" for name in RANGE), "uptime")
    return [row[f"{name}_{window}(in {unit})"] for name in names]


def test_a_report_that_is_asked_for_intervals_has_them(reports: Reports) -> None:
    found = rows(reports, reports.report(intervals=True))
    for store in range(1, STORES + 1):
        for window, unit in (("last_day", "hours"), ("last_hour", "minutes")):
            low, expected, high, _ = map(float, interval(found[f"store-{store}"], window, unit))
            assert 0 <= low <= high <= (24 if unit == "hours" else 60)
            assert expected > 0
    always_up = found["store-3"]
    low, expected, high, up = map(float, interval(always_up, "last_day"))
    assert up == high == 24
    assert 22 < low <= expected <= 24
    low, expected, high, _ = map(float, interval(found["store-1"], "last_day"))
    assert low < expected < high


def test_of_an_unknown_store_there_is_none(reports: Reports) -> None:
    found = rows(reports, reports.report(intervals=True))
    assert interval(found["closed"], "last_week") == ["", "", "", ""]


def test_of_a_store_that_beats_it_is_its_uptime(reports: Reports) -> None:
    assert reports.client.post("/track", json={"pc": "desk"}).status_code == 201
    low, expected, high, up = interval(
        rows(reports, reports.report(intervals=True))["pc:desk"], "last_hour", "minutes"
    )
    assert low == expected == high == up != ""


def test_a_report_that_is_not_asked_for_them_has_none_and_the_same_figures(
    reports: Reports,
) -> None:
    without, with_them = reports.report(), reports.report(intervals=True)
    assert reports.csv(without) == reports.csv(with_them)
    assert interval(rows(reports, without)["store-1"], "last_day")[:3] == ["", "", ""]
    assert reports.info(without)["intervals"] is False
    assert reports.info(with_them)["intervals"] is True


@pytest.mark.parametrize("size", [1, 7, 1000])
def test_a_store_has_the_same_interval_alone_and_in_every_partition(
    reports: Reports, monkeypatch: pytest.MonkeyPatch, size: int
) -> None:
    every = rows(reports, reports.report(intervals=True))
    monkeypatch.setattr("openhours.reports.plan.stores_a_partition", lambda *_: size)
    monkeypatch.setattr(fleet, "_STORES_A_SAMPLE", size)
    assert rows(reports, reports.report(intervals=True)) == every
    alone = rows(reports, reports.report(intervals=True, store_ids=["store-7"]))
    assert alone == {"store-7": every["store-7"]}
    monkeypatch.setattr(fleet, "_MAX_STORES_KEPT", 0)
    assert rows(reports, reports.report(intervals=True)) == every


def test_every_format_and_layout_has_them(reports: Reports) -> None:
    report_id = reports.report(intervals=True, windows=["2023-01-21"])
    full = rows(reports, report_id)["store-4"]
    address = f"/get_report/{report_id}"
    params = {"detail": "full", "format": "json"}
    found = reports.client.get(address, params=params).json()["rows"]
    (row,) = [row for row in found if row["store_id"] == "store-4"]
    long = rows(reports, report_id, layout="long")["store-4"]
    parquet = reports.client.get(address, params=params | {"format": "parquet"}).content
    table = pyarrow.parquet.read_table(io.BytesIO(parquet)).to_pylist()
    (line,) = [line for line in table if line["store_id"] == "store-4"]
    for name in RANGE:
        text = full[f"uptime_{name}_2023-01-21(in hours)"]
        assert text != ""
        assert row[f"uptime_{name}_2023-01-21"] == float(text)
        assert long[f"uptime_{name}(in hours)"] == text
        assert line[f"uptime_{name}_2023-01-21(in hours)"] == float(text)


def test_more_than_forty_windows_with_intervals_are_refused(reports: Reports) -> None:
    def trigger(days: int) -> tuple[int, str]:
        body = {"intervals": True, "windows": [f"P{day}D" for day in range(1, days + 1)]}
        answer = reports.client.post("/trigger_report", json=body)
        return answer.status_code, answer.text

    assert trigger(40)[0] == 200
    status, text = trigger(41)
    assert status == 422
    assert "more than 40 windows with intervals" in text
    assert "body.windows" in text or '"windows"' in text


def test_the_prior_comes_from_the_stores_that_are_lowest_by_sha_256(
    reports: Reports, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fleet, "_STORES", 5)
    monkeypatch.setattr(fleet, "_HELD_OUT", 2)
    names = [f"store-{n}" for n in range(1, STORES + 1)] + ["closed"]
    lowest = sorted(names, key=lambda name: hashlib.sha256(name.encode()).digest())[:5]
    as_of = to_us(datetime(2023, 1, 22, 5, tzinfo=UTC))

    async def plan(engine: AsyncEngine) -> list[fleet.Sample]:
        async with engine.connect() as connection:
            chosen, _ = await fleet.choose(connection, as_of)
        return fleet.plan_samples(chosen, _like(as_of), "snapshot", 2)

    samples = on_engine(database_url, plan)
    stored = fetch(database_url, "SELECT store_id, id FROM stores")
    ids = {str(store_id): int(str(pk)) for store_id, pk in stored}
    assert len(samples) == 2
    assert [one for sample in samples for one in sample.slice.only or ()] == sorted(
        ids[name] for name in lowest
    )
    assert sorted(one for sample in samples for one in sample.chosen.held_out) == sorted(
        ids[name] for name in lowest[:2]
    )


def _like(as_of: int) -> Slice:
    return Slice(POLLED, as_of, 14 * DAY, 0, 0, None, "UTC")


def test_what_was_said_of_polls_held_out_is_kept_and_told(
    reports: Reports, database_url: str
) -> None:
    report_id = reports.report(intervals=True)
    found = reports.client.get(f"/reports/{report_id}/calibration").json()
    assert found["report_id"] == report_id
    # Every second poll of each store, but for the first and the last.
    assert sum(one["polls"] for one in found["bins"]) == STORES * ((HOURS - 1) // 2)
    assert all(0 <= one[name] <= 1 for one in found["bins"] for name in ("said", "was"))
    assert 0 < found["error"] < 0.1
    assert calibration_errors(database_url) == [found["error"]]
    (prior,) = fetch(database_url, "SELECT prior FROM reports")[0]
    assert str(prior).count(",") == POINTS - 1


def calibration_errors(database_url: str) -> list[float]:
    """What `/metrics` tells of it: one sample or none."""

    async def read(engine: AsyncEngine) -> list[float]:
        async with engine.connect() as connection:
            metrics = await read_metrics(connection)
        samples = [sample for metric in metrics for sample in metric.samples]
        return [one.value for one in samples if one.name == "openhours_report_calibration_error"]

    return on_engine(database_url, read)


def test_a_report_without_intervals_has_no_calibration(reports: Reports, database_url: str) -> None:
    answer = reports.client.get(f"/reports/{reports.report()}/calibration")
    assert answer.status_code == 404
    assert "not asked for intervals" in answer.json()["detail"]
    assert calibration_errors(database_url) == []


def test_without_a_poll_held_out_there_is_no_calibration(
    reports: Reports, database_url: str
) -> None:
    first = fetch(database_url, "SELECT min(observed_at) FROM observations")[0][0]
    assert isinstance(first, datetime)
    report_id = reports.report(intervals=True, as_of=first.isoformat())
    answer = reports.client.get(f"/reports/{report_id}/calibration")
    assert answer.status_code == 404
    assert "no poll could be held out" in answer.json()["detail"]
    assert calibration_errors(database_url) == []
