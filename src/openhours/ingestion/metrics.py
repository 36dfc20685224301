"""Metrics of ingestion; their totals are written in the transaction that loads a file."""

from collections.abc import Iterable
from typing import Any

import asyncpg
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from openhours.db import counters
from openhours.ingestion.rejects import Counts
from openhours.stores.tables import FeedClock

_ROWS = "ingested_rows"
_REJECTED = "rejected_rows"


async def note_ingestion(connection: "asyncpg.Connection[Any]", kind: str, counts: Counts) -> None:
    """Add a loaded file's rows to the totals, and its rejected ones by reason."""
    amounts = {
        f"{kind}/loaded": counts.loaded,
        f"{kind}/unchanged": counts.unchanged,
        f"{kind}/rejected": counts.rejected,
    }
    await counters.add(connection, _ROWS, amounts)
    await counters.add(connection, _REJECTED, counts.reasons)


async def read_metrics(connection: AsyncConnection) -> Iterable[Metric]:
    """Return rows by outcome, rejected rows by reason, and the age of the newest observation."""
    rows = CounterMetricFamily(
        "openhours_ingested_rows",
        "Rows of ingested files, by outcome.",
        labels=("kind", "outcome"),
    )
    for label, value in (await counters.read(connection, _ROWS)).items():
        rows.add_metric(label.split("/"), value)
    rejected = CounterMetricFamily(
        "openhours_rejected_rows", "Rejected rows, by reason.", labels=("reason",)
    )
    for reason, value in (await counters.read(connection, _REJECTED)).items():
        rejected.add_metric((reason,), value)
    age = GaugeMetricFamily(
        "openhours_newest_observation_age_seconds",
        "Age of the newest observation, by feed.",
        labels=("feed",),
    )
    seconds = func.extract("epoch", func.clock_timestamp() - FeedClock.newest_at)
    for feed, value in await connection.execute(select(FeedClock.feed, seconds)):
        age.add_metric((feed,), float(value))
    return rows, rejected, age
