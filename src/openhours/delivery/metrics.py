"""Metrics of deliveries: how many wait, and how tries have ended."""

from collections.abc import Iterable
from itertools import product
from typing import Literal, TypeAlias, get_args

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from openhours.db import counters
from openhours.db.deliveries import Channel, Delivery
from openhours.db.engine import raw_connection

_TRIES = "delivery_tries"

Outcome: TypeAlias = Literal["delivered", "failed", "given_up"]


async def note_try(connection: AsyncConnection, channel: Channel, outcome: Outcome) -> None:
    """Count a try that has ended, inside the caller's transaction."""
    await counters.add(await raw_connection(connection), _TRIES, {f"{channel}/{outcome}": 1})


async def read_metrics(connection: AsyncConnection) -> Iterable[Metric]:
    """Return the deliveries that wait, and the tries by outcome."""
    waiting = GaugeMetricFamily(
        "openhours_deliveries_waiting",
        "Deliveries that have not arrived and are tried again, by channel.",
        labels=("channel",),
    )
    query = select(Delivery.channel, func.count()).where(Delivery.state == "waiting")
    found = dict((await connection.execute(query.group_by(Delivery.channel))).all())
    for channel in get_args(Channel):
        waiting.add_metric((channel,), found.get(channel, 0))
    tries = CounterMetricFamily(
        "openhours_delivery_tries",
        "Tries to deliver, by channel and outcome: delivered, failed (and tried again), given_up.",
        labels=("channel", "outcome"),
    )
    ended = await counters.read(connection, _TRIES)
    for channel, outcome in product(get_args(Channel), get_args(Outcome)):
        tries.add_metric((channel, outcome), ended.get(f"{channel}/{outcome}", 0))
    return waiting, tries
