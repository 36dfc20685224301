"""Metrics of visits."""

from collections.abc import Iterable

from prometheus_client.core import CounterMetricFamily, Metric
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from openhours.visits.tables import VisitCounter


async def read_metrics(connection: AsyncConnection) -> Iterable[Metric]:
    """Return the number of visits ever logged, by people and by bots."""
    query = select(VisitCounter.total, VisitCounter.bots)
    row = (await connection.execute(query)).one()
    visits = CounterMetricFamily("openhours_visits", "Visits ever logged.", labels=("by",))
    visits.add_metric(("people",), row.total - row.bots)
    visits.add_metric(("bots",), row.bots)
    return (visits,)
