"""Every change of a delivery after it was put into the outbox.

A try is counted when it begins, and the next is fixed then, too: so tries go on after a worker was
killed in the middle of one. Nobody holds a lock while something is sent.
"""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from sqlalchemy import Row, case, delete, func, literal, or_, select, update
from sqlalchemy.ext.asyncio import AsyncEngine

from openhours.accounts.audit import audit
from openhours.db.deliveries import Channel, Delivery
from openhours.delivery.metrics import note_try
from openhours.errors import NotFound

FIRST_PAUSE = timedelta(seconds=5)
_MAX_PAUSE = timedelta(hours=3)
_TRIED_FOR = timedelta(days=1)
# A try that has not ended after so long was that of a worker which is gone.
_LOST_AFTER: dict[Channel, timedelta] = {
    "webhook": timedelta(minutes=1),
    "outbox": timedelta(minutes=10),
}
_SETTING: dict[Channel, str] = {"webhook": "WEBHOOK_URL", "outbox": "OUTBOX"}
_MAX_ERROR = 500


async def begin(engine: AsyncEngine, channel: Channel, limit: int) -> Sequence[Row[Any]]:
    """Begin a try of what is due, `limit` at most; return rows with the columns of `Delivery`."""
    due = (
        select(Delivery.id)
        .where(
            Delivery.state == "waiting",
            Delivery.channel == channel,
            Delivery.next_at <= func.now(),
        )
        .order_by(Delivery.next_at)
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    query = (
        update(Delivery)
        .where(Delivery.id.in_(due))
        .values(
            tries=Delivery.tries + 1,
            first_tried_at=func.coalesce(Delivery.first_tried_at, func.now()),
            tried_at=func.now(),
            next_at=func.now() + _LOST_AFTER[channel],
        )
        .returning(*Delivery.__table__.columns)
    )
    async with engine.begin() as connection:
        return (await connection.execute(query)).all()


async def note_delivered(engine: AsyncEngine, tried: Row[Any], destination: str) -> None:
    """Note that it has arrived, whoever has begun another try meanwhile."""
    query = (
        update(Delivery)
        .where(Delivery.id == tried.id)
        .values(
            state="delivered",
            destination=destination,
            delivered_at=func.clock_timestamp(),
            next_at=None,
        )
    )
    async with engine.begin() as connection:
        await connection.execute(query)
        await note_try(connection, tried.channel, "delivered")


async def note_failed(
    engine: AsyncEngine, tried: Row[Any], destination: str | None, error: str, *, final: bool
) -> None:
    """Note why the try failed, and when the next is: twice as long after it as the one before.

    There is none where it is `final`, or the first try lies a day back by then. Nothing is noted if
    this is no longer the last try.
    """
    pause = min(FIRST_PAUSE * 2 ** min(tried.tries - 1, 30), _MAX_PAUSE)
    following = func.clock_timestamp() + pause
    ends = or_(literal(final), following > Delivery.first_tried_at + _TRIED_FOR)
    query = (
        update(Delivery)
        .where(
            Delivery.id == tried.id,
            Delivery.state == "waiting",
            Delivery.tries == tried.tries,
        )
        .values(
            state=case((ends, "failed"), else_="waiting"),
            next_at=case((ends, None), else_=following),
            destination=func.coalesce(destination, Delivery.destination),
            last_error=error[:_MAX_ERROR],
        )
        .returning(Delivery.state)
    )
    async with engine.begin() as connection:
        state = await connection.scalar(query)
        if state is not None:
            await note_try(connection, tried.channel, "given_up" if state == "failed" else "failed")


async def abandon(engine: AsyncEngine, tried: Row[Any]) -> None:
    """End a delivery whose channel is not set up: delete it, unless it was tried before."""
    if tried.destination is not None:
        error = f"it cannot be sent: OPENHOURS_{_SETTING[tried.channel]} is not set"
        await note_failed(engine, tried, None, error, final=True)
        return
    async with engine.begin() as connection:
        await connection.execute(delete(Delivery).where(Delivery.id == tried.id))


async def send_again(engine: AsyncEngine, delivery_id: str, *, who: str, where: str) -> None:
    """Let a delivery be tried now, and for a day from then; whatever its state. Raise NotFound."""
    query = (
        update(Delivery)
        .where(Delivery.delivery_id == delivery_id)
        .values(state="waiting", tries=0, first_tried_at=None, next_at=func.now())
    )
    async with engine.begin() as connection:
        if not (await connection.execute(query)).rowcount:
            raise NotFound("no delivery has this id")
    audit(f"send delivery {delivery_id} again", who=who, where=where, outcome="ok")
