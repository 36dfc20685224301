"""Metrics of the fleet: what the newest report of all stores says of the last hour, day and week.

They are as old as that report, which a metric tells. A label key with many values, such as one for
each store, has no metrics: Prometheus keeps a series for each value ever seen.
"""

from collections.abc import Iterable
from datetime import timedelta

from prometheus_client.core import GaugeMetricFamily, Metric
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from openhours.reports.queries import count_ongoing, count_outages_since, latest_report
from openhours.reports.tables import Report, ReportGroups
from openhours.stores.labels import NAME, TARGET
from openhours.stores.tables import BEATING, POLLED
from openhours.uptime.tallies import counts_of
from openhours.uptime.windows import DEFAULT_WINDOWS

MAX_KEYS = 10
MAX_VALUES = 50
_DAY = timedelta(days=1)


class FleetMetrics:
    """Metrics of the newest report of all stores, and of the newest one that lists outages.

    A complete report does not change: each is read once.
    """

    def __init__(self) -> None:
        self._figures: tuple[str, list[Metric]] = ("", [])
        self._outages: tuple[str, list[Metric]] = ("", [])

    async def read_metrics(self, connection: AsyncConnection) -> Iterable[Metric]:
        """Return uptime by feed and by label, as shares of open time, and counts of outages."""
        newest = await latest_report(connection)
        if newest is None:
            return ()
        if newest.report_id != self._figures[0]:
            found = [_as_of(newest), _fleet(newest), await _labels(connection, newest)]
            self._figures = newest.report_id, found
        listing = newest if newest.outages else await latest_report(connection, Report.outages)
        if listing is None:
            return self._figures[1]
        if listing.report_id != self._outages[0]:
            self._outages = listing.report_id, await _count_outages(connection, listing)
        return [*self._figures[1], *self._outages[1]]


def _as_of(report: Report) -> Metric:
    family = GaugeMetricFamily(
        "openhours_fleet_as_of_timestamp_seconds",
        "The instant from which the newest report of all stores looks back, by feed.",
        labels=("feed",),
    )
    for feed in (POLLED, BEATING):
        as_of = report.as_of(feed)
        if as_of is not None and feed in (report.tallies or {}):
            family.add_metric((feed,), as_of.timestamp())
    return family


def _fleet(report: Report) -> Metric:
    family = GaugeMetricFamily(
        "openhours_fleet_uptime_ratio",
        "Uptime of all stores as a share of their open time, by feed and window.",
        labels=("feed", "window"),
    )
    for feed, windows in (report.tallies or {}).items():
        for window, tally in zip(DEFAULT_WINDOWS, windows, strict=True):
            counts = counts_of(tally)
            if counts.open:
                family.add_metric((feed, window.name), counts.up / counts.open)
    return family


async def _labels(connection: AsyncConnection, report: Report) -> Metric:
    family = GaugeMetricFamily(
        "openhours_label_uptime_ratio",
        "Uptime of the stores with a label as a share of their open time, by window. A value may"
        " be empty: that of the stores without the label.",
        labels=("key", "value", "window"),
    )
    few = [key for key, values in sorted(report.groups.items()) if 0 < values <= MAX_VALUES]
    keys = [key for key in few if key not in (NAME, TARGET)][:MAX_KEYS]
    columns = ReportGroups.__table__.c
    query = select(columns.key, columns["values"], columns.open, columns.up)
    rows = await connection.execute(
        query.where(columns.report == report.id, columns.key.in_(keys)).order_by(
            columns.key, columns.row
        )
    )
    for key, values, opened, up in rows:
        for value, opened_of, up_of in zip(values, opened, up, strict=True):
            for window, one, part in zip(DEFAULT_WINDOWS, opened_of, up_of, strict=True):
                if one:
                    family.add_metric((key, value, window.name), part / one)
    return family


async def _count_outages(connection: AsyncConnection, report: Report) -> list[Metric]:
    as_of = report.as_of_polled or report.as_of_beating
    ongoing = GaugeMetricFamily(
        "openhours_outages_ongoing",
        "Stores that are down at the instant of the newest report with outages.",
        value=await count_ongoing(connection, report.id),
    )
    of_the_day = GaugeMetricFamily(
        "openhours_outages_last_day",
        "Outages in the 24 hours before the newest report with outages.",
        value=await count_outages_since(connection, report.id, as_of - _DAY),
    )
    return [ongoing, of_the_day]
