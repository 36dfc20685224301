"""Metrics of PCs."""

from collections.abc import Iterable
from datetime import timedelta

from prometheus_client.core import GaugeMetricFamily, Metric
from sqlalchemy.ext.asyncio import AsyncConnection

from openhours.api.metrics import Source
from openhours.heartbeats.queries import count_pcs


def pc_metrics(expiry: timedelta) -> Source:
    """Return what reads how many PCs are on and off, where a heartbeat means on for `expiry`."""

    async def read(connection: AsyncConnection) -> Iterable[Metric]:
        pcs = GaugeMetricFamily("openhours_pcs", "PCs that are on and off now.", labels=("state",))
        for state, count in zip(("on", "off"), await count_pcs(connection, expiry), strict=True):
            pcs.add_metric((state,), count)
        return (pcs,)

    return read
