"""A delivery as JSON, alone and as a part of the report or ingestion that it tells of."""

from typing import Annotated, Any

from pydantic import BaseModel, Field
from sqlalchemy import Row

from openhours.db.deliveries import Channel, Event, State
from openhours.times import Instant


class DeliveryInfo(BaseModel):
    """An event on its way to a webhook, or a report on its way to the outbox."""

    delivery_id: Annotated[
        str,
        Field(
            description="The same at each try: the `webhook-id` of a webhook.",
            examples=["msg_5f2b8a1c9d3e4f60718293a4"],
        ),
    ]
    channel: Channel
    event: Event
    state: State
    tries: Annotated[
        int, Field(description="Since the event, or since somebody asked to send it again.")
    ]
    destination: Annotated[
        str | None,
        Field(
            description="A webhook's address, without path and query, which may be secret; or the "
            "file in the outbox. Null before the first try.",
            examples=["https://hooks.example.org"],
        ),
    ]
    created_at: Instant
    tried_at: Annotated[Instant | None, Field(description="When the last try began.")]
    delivered_at: Instant | None
    next_try_at: Annotated[Instant | None, Field(description="Null unless it is waiting.")]
    last_error: Annotated[
        str | None,
        Field(description="Why the last failed try failed. It is kept when a later one succeeds."),
    ]


def delivery_info(row: Row[Any]) -> DeliveryInfo:
    """Return a delivery as the API describes it, from a row with the columns of `Delivery`."""
    fields = {name: getattr(row, name) for name in DeliveryInfo.model_fields if hasattr(row, name)}
    return DeliveryInfo(**fields, next_try_at=row.next_at)
