"""Metrics of the fleet say what the newest report of all stores says."""

import csv

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from openhours.reports import fleet_metrics
from openhours.reports.fleet_metrics import FleetMetrics
from tests.helpers.database import on_engine
from tests.reports.computing import Reports
from tests.reports.regions import T, add_stores

pytestmark = pytest.mark.slow

WINDOWS = ("last_hour", "last_day", "last_week")
Samples = dict[tuple[str, ...], float]


@pytest.fixture
def metrics() -> FleetMetrics:
    return FleetMetrics()


def read(reports: Reports, metrics: FleetMetrics) -> Samples:
    """Values by the metric's name without its prefix and the values of its labels."""

    async def work(engine: AsyncEngine) -> Samples:
        async with engine.connect() as connection:
            families = await metrics.read_metrics(connection)
            return {
                (one.name.removeprefix("openhours_"), *one.labels.values()): one.value
                for family in families
                for one in family.samples
            }

    return on_engine(reports.url, work)


def test_without_a_report_there_are_none(reports: Reports, metrics: FleetMetrics) -> None:
    assert read(reports, metrics) == {}
    reports.report(windows=["2022"], as_of=T)
    assert read(reports, metrics) == {}


def test_uptime_of_the_fleet_and_of_labels_is_that_of_the_report(
    reports: Reports, metrics: FleetMetrics
) -> None:
    add_stores(reports, "east")
    report_id = reports.report(as_of=T)
    samples = read(reports, metrics)
    rows = list(csv.DictReader(reports.csv(report_id)))
    assert samples["fleet_as_of_timestamp_seconds", "polled"] > 1_600_000_000
    for window in WINDOWS:
        unit = "minutes" if window == "last_hour" else "hours"
        sums = {
            way: sum(float(row[f"{way}_{window}(in {unit})"] or 0) for row in rows)
            for way in ("uptime", "downtime")
        }
        expected = sums["uptime"] / sum(sums.values())
        assert samples["fleet_uptime_ratio", "polled", window] == pytest.approx(expected, abs=1e-3)
        for group in csv.DictReader(reports.csv(report_id, group_by="region")):
            percent = group[f"uptime_{window}(in percent)"]
            key = ("label_uptime_ratio", "region", group["region"], window)
            assert (key in samples) == (percent != "")
            if percent:
                assert samples[key] == pytest.approx(float(percent) / 100, abs=1e-4)
    assert any(key[0] == "label_uptime_ratio" for key in samples)
    assert ("outages_ongoing",) not in samples, "none were asked for"


def test_outages_are_those_of_the_newest_report_that_lists_them(
    reports: Reports, metrics: FleetMetrics
) -> None:
    ends = "2023-01-20 15:00"
    reports.store("down", ["2023-01-20 10:00 active", f"{ends} inactive"])
    reports.store("was down", ["2023-01-20 02:00 inactive", f"{ends} active"])
    reports.store("was down before", ["2023-01-18 02:00 inactive", f"{ends} active"])
    reports.store("up", [f"{ends} active"])
    as_of = "2023-01-20T15:00:00Z"
    reports.report(as_of=as_of, outages=True)
    assert read(reports, metrics)["outages_ongoing",] == 1
    reports.store("down, too", [f"{ends} inactive"])
    reports.report(as_of=as_of)
    samples = read(reports, metrics)
    assert (samples["outages_ongoing",], samples["outages_last_day",]) == (1, 2)
    reports.report(as_of=as_of, outages=True)
    assert read(reports, metrics)["outages_ongoing",] == 2
    reports.report(as_of=as_of, outages=True, store_ids=["up"])
    assert read(reports, metrics)["outages_ongoing",] == 2, "of all stores"


def test_a_label_of_many_values_and_names_of_stores_have_no_series(
    reports: Reports, metrics: FleetMetrics, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fleet_metrics, "MAX_VALUES", 2)
    monkeypatch.setattr(fleet_metrics, "MAX_KEYS", 2)
    for n in range(3):
        store = f"s{n}"
        reports.store(store, ["2023-01-20 15:00 active"])
        reports.label(store, brand="x", street=f"{n}", town="y", zip="z", name="n", target="99")
    reports.report()
    keys = {key[1] for key in read(reports, metrics) if key[0] == "label_uptime_ratio"}
    assert keys == {"brand", "town"}
