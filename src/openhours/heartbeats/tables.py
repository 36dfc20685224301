"""Heartbeats, the observations of PCs: what reports, lists and time lines read."""

from datetime import datetime

from sqlalchemy import BigInteger, Index, Integer
from sqlalchemy.orm import Mapped, mapped_column

from openhours.db.engine import Base, Timestamp
from openhours.stores.tables import HEARTBEATS


class Heartbeat(Base):
    """One heartbeat of the PC whose store is `pc:<name>`. Partitioned by week."""

    __tablename__ = HEARTBEATS.name
    __table_args__ = (
        # A PC's newest heartbeat, and its heartbeats of some days, however many PCs there are.
        Index("ix_heartbeats_store_event_time", "store", "event_time"),
        {"postgresql_partition_by": f"RANGE ({HEARTBEATS.instant})"},
    )

    event_time: Mapped[datetime] = mapped_column(Timestamp, primary_key=True)
    # From the sequence `heartbeat_ids`: what identity columns of partitions do differs between
    # versions of PostgreSQL.
    id: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    # No foreign key: the store is made first, and a check per beat would lock its row.
    store: Mapped[int] = mapped_column(Integer)


class BeatId(Base):
    """The heartbeat that has a client's `beat_id`: sent again with it, it is the same one.

    Not partitioned, since a heartbeat may be sent again with a time of another week. Of store and
    `beat_id` there are 64 bits of a hash: a billion heartbeats later the odds are 1 in 40 that one
    of them was taken for another.
    """

    __tablename__ = "beat_ids"

    hash: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    event_time: Mapped[datetime] = mapped_column(Timestamp)
    heartbeat: Mapped[int] = mapped_column(BigInteger)
