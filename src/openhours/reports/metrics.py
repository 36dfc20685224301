"""Metrics of reports, counted in the transaction that ends one."""

from bisect import bisect_left
from collections.abc import Iterable
from typing import Any

import asyncpg
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    Metric,
)
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from openhours.db import counters
from openhours.reports.calibration import bins_of, error_of, is_reliable
from openhours.reports.tables import Report

_REPORTS = "reports"
_SECONDS = "report_seconds"
_SUM = "sum"
_BUCKETS = ("0.25", "0.5", "1", "2.5", "5", "10", "30", "60", "300", "+Inf")
_BOUNDS = [float(bound) for bound in _BUCKETS]


async def note_complete(connection: "asyncpg.Connection[Any]", seconds: float) -> None:
    """Count a complete report and its duration."""
    bucket = _BUCKETS[bisect_left(_BOUNDS, seconds)]
    await counters.add(connection, _REPORTS, {"complete": 1})
    await counters.add(connection, _SECONDS, {bucket: 1, _SUM: seconds})


async def note_failed(connection: "asyncpg.Connection[Any]") -> None:
    """Count a failed report."""
    await counters.add(connection, _REPORTS, {"failed": 1})


async def read_metrics(connection: AsyncConnection) -> Iterable[Metric]:
    """Return how many reports ended and how, how long they took, and how well they tell."""
    ended = {"complete": 0.0, "failed": 0.0} | await counters.read(connection, _REPORTS)
    reports = CounterMetricFamily("openhours_reports", "Reports that ended.", labels=("state",))
    for state, value in ended.items():
        reports.add_metric((state,), value)
    noted = await counters.read(connection, _SECONDS)
    buckets = []
    below = 0.0
    for bucket in _BUCKETS:
        below += noted.get(bucket, 0.0)
        buckets.append((bucket, below))
    durations = HistogramMetricFamily(
        "openhours_report_duration_seconds",
        "From the start of a report's computation to its end.",
        buckets=buckets,
        sum_value=noted.get(_SUM, 0.0),
    )
    off = GaugeMetricFamily(
        "openhours_report_calibration_error",
        "By how much predictions of polls held out were off, in the newest report with intervals.",
    )
    newest = (
        select(Report.calibration)
        .where(Report.calibration.is_not(None))
        .order_by(Report.created_at.desc(), Report.id.desc())
        .limit(1)
    )
    bins = bins_of(await connection.scalar(newest) or [])
    if is_reliable(bins) is not None:  # else it is noise, and would wake somebody
        off.add_metric((), error_of(bins))
    return reports, durations, off
