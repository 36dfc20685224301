"""Heartbeats as they were sent. Reports read the observations that were made of them."""

from datetime import datetime

from sqlalchemy import BigInteger, Identity, Index, Integer, Text, text
from sqlalchemy.orm import Mapped, mapped_column

from openhours.db.engine import Base, Timestamp


class Heartbeat(Base):
    """One heartbeat of the PC whose store is `pc:<name>`."""

    __tablename__ = "heartbeats"
    __table_args__ = (
        Index("ix_heartbeats_event_time", "event_time", "id"),
        Index("ix_heartbeats_store", "store", "event_time", "id"),
        Index(
            "uq_heartbeats_beat_id",
            "store",
            "beat_id",
            unique=True,
            postgresql_where=text("beat_id IS NOT NULL"),
        ),
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    # No foreign key: the store is made first, and a check per beat would lock its row.
    store: Mapped[int] = mapped_column(Integer)
    event_time: Mapped[datetime] = mapped_column(Timestamp)
    # The client's own id: a heartbeat sent again with it is the same one.
    beat_id: Mapped[str | None] = mapped_column(Text)
    received_at: Mapped[datetime] = mapped_column(Timestamp, server_default=text("now()"))
