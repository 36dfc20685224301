"""Sends what lies in the outbox table, one loop for each channel."""

import asyncio
import logging
from collections.abc import Mapping
from typing import Any, TypeAlias

from sqlalchemy import Row
from sqlalchemy.ext.asyncio import AsyncEngine

from openhours.db.deliveries import Channel
from openhours.db.engine import is_database_unusable
from openhours.delivery import tries
from openhours.delivery.carriers import Carrier, NotDelivered
from openhours.errors import NotFound
from openhours.objects import S3Folder
from openhours.settings import Settings

log = logging.getLogger(__name__)

_LOOK_INTERVAL = 1.0  # seconds
_AT_ONCE = 8


Carriers: TypeAlias = Mapping[Channel, Carrier | None]


def make_carriers(engine: AsyncEngine, settings: Settings) -> Carriers:
    """Return what carries the deliveries of each channel; None of one that is not set up."""
    webhooks: Carrier | None = None
    if settings.webhook_url is not None and settings.webhook_secret is not None:
        # Only here: a worker without webhooks starts faster.
        from openhours.delivery.webhooks import Webhooks  # noqa: PLC0415

        webhooks = Webhooks(
            engine, settings.webhook_url, settings.webhook_secret, settings.public_url
        )
    outbox: Carrier | None = None
    if settings.outbox is not None:
        # Nor does it need pandas.
        from openhours.delivery.outbox import ObjectOutbox, Outbox  # noqa: PLC0415

        if isinstance(settings.outbox, S3Folder):
            outbox = ObjectOutbox(engine, settings.outbox)
        else:
            outbox = Outbox(engine, settings.outbox)
    return {"webhook": webhooks, "outbox": outbox}


async def send_due(engine: AsyncEngine, carriers: Carriers) -> None:
    """Send what is due, until cancelled; any number of workers may do so."""
    # A loop each: a large file keeps no webhook waiting.
    await asyncio.gather(*(_send(engine, channel, one) for channel, one in carriers.items()))


async def _send(engine: AsyncEngine, channel: Channel, carrier: Carrier | None) -> None:
    while True:
        begun = 0
        try:
            batch = await tries.begin(engine, channel, _AT_ONCE)
            begun = len(batch)
            await asyncio.gather(*(_try(engine, carrier, one) for one in batch))
        except Exception as error:
            if not is_database_unusable(error):
                log.exception("deliveries to the %s", channel)
        if begun < _AT_ONCE:
            await asyncio.sleep(_LOOK_INTERVAL)


async def _try(engine: AsyncEngine, carrier: Carrier | None, delivery: Row[Any]) -> None:
    if carrier is None:
        await tries.abandon(engine, delivery)
        return
    try:
        arrived = await carrier.send(delivery)
    except NotFound:
        return  # the report was removed, and this delivery with it
    except NotDelivered as error:
        log.warning("%s to %s: %s", delivery.event, carrier.place, error)
        await tries.note_failed(engine, delivery, carrier.place, str(error), final=error.final)
    except Exception as error:
        if is_database_unusable(error):
            raise
        # Not its text, which may hold the address.
        log.exception("%s to %s", delivery.event, carrier.place)
        reason = f"unexpected {type(error).__name__}: see the log of the worker"
        await tries.note_failed(engine, delivery, carrier.place, reason, final=False)
    else:
        await tries.note_delivered(engine, delivery, arrived)
