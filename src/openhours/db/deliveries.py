"""The outbox: what is to be delivered, written in the transaction of what it tells.

    waiting -> (a try) -> delivered
       ^          |
       +----------+-----> failed, after a day of tries

Here, and not in `delivery`, because those who complete a report or an ingestion write to it.
"""

import secrets
from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime
from typing import Any, Literal, TypeAlias

import asyncpg
from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    ForeignKey,
    Identity,
    Index,
    Integer,
    Row,
    Text,
    any_,
    literal,
    select,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.orm import InstrumentedAttribute, Mapped, mapped_column

from openhours.db.engine import Base, Timestamp

Event: TypeAlias = Literal[
    "report.complete", "report.failed", "ingestion.complete", "ingestion.failed"
]
Channel: TypeAlias = Literal["webhook", "outbox"]
State: TypeAlias = Literal["waiting", "delivered", "failed"]


class Delivery(Base):
    """One event on its way to one place."""

    __tablename__ = "deliveries"
    __table_args__ = (
        CheckConstraint("state IN ('waiting', 'delivered', 'failed')", name="state"),
        CheckConstraint("channel IN ('webhook', 'outbox')", name="channel"),
        CheckConstraint("num_nonnulls(report, ingestion) = 1", name="about"),
        CheckConstraint("(state = 'waiting') = (next_at IS NOT NULL)", name="next_at"),
        Index("ix_deliveries_next_at", "next_at", postgresql_where=text("state = 'waiting'")),
        Index("ix_deliveries_report", "report"),
        Index("ix_deliveries_ingestion", "ingestion"),
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    # The same at each try: by it a receiver knows what it has already.
    delivery_id: Mapped[str] = mapped_column(Text, unique=True)
    channel: Mapped[Channel] = mapped_column(Text)
    event: Mapped[Event] = mapped_column(Text)
    # What it tells of; the delivery goes with it.
    report: Mapped[int | None] = mapped_column(ForeignKey("reports.id", ondelete="CASCADE"))
    ingestion: Mapped[int | None] = mapped_column(ForeignKey("ingestions.id", ondelete="CASCADE"))
    state: Mapped[State] = mapped_column(Text, server_default="waiting")
    # Since it was put here, or since somebody asked to send it again.
    tries: Mapped[int] = mapped_column(Integer, server_default="0")
    first_tried_at: Mapped[datetime | None] = mapped_column(Timestamp)
    tried_at: Mapped[datetime | None] = mapped_column(Timestamp)
    delivered_at: Mapped[datetime | None] = mapped_column(Timestamp)
    # Of a waiting one: when it is tried next, if the worker that tries it now does not report back.
    next_at: Mapped[datetime | None] = mapped_column(Timestamp, server_default=text("now()"))
    # Where the last try went, without anything secret; null before the first.
    destination: Mapped[str | None] = mapped_column(Text)
    last_error: Mapped[str | None] = mapped_column(Text)
    created_at: Mapped[datetime] = mapped_column(Timestamp, server_default=text("now()"))


async def put(connection: "asyncpg.Connection[Any]", event: Event, pk: int) -> None:
    """Add what is to be delivered of an event, inside the caller's transaction.

    pk: the database id of the report or ingestion

    A row for each channel, wanted or not: only the worker that sends knows the settings.
    """
    channels: list[Channel] = ["webhook", "outbox"] if event == "report.complete" else ["webhook"]
    about = event.split(".", maxsplit=1)[0]
    await connection.executemany(
        f"INSERT INTO deliveries (delivery_id, channel, event, {about}) VALUES ($1, $2, $3, $4)",  # noqa: S608  fixed names
        [(f"msg_{secrets.token_hex(12)}", channel, event, pk) for channel in channels],
    )


async def deliveries_of(
    connection: AsyncConnection, about: InstrumentedAttribute[int | None], pks: Sequence[int]
) -> dict[int, list[Row[Any]]]:
    """Return the deliveries of some reports or ingestions, by their database ids.

    about: `Delivery.report` or `Delivery.ingestion`
    """
    # One parameter, however many there are.
    some = any_(literal(list(pks), ARRAY(BigInteger)))
    query = select(*Delivery.__table__.columns).where(about == some).order_by(Delivery.id)
    found: dict[int, list[Row[Any]]] = defaultdict(list)
    for row in await connection.execute(query):
        found[getattr(row, about.key)].append(row)
    return found
