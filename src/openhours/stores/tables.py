"""Stores, their business hours, and their observations."""

from datetime import datetime

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    ForeignKey,
    Identity,
    Integer,
    PrimaryKeyConstraint,
    SmallInteger,
    Text,
)
from sqlalchemy.orm import Mapped, mapped_column

from openhours.db.engine import Base, Timestamp

POLLED = "polled"
BEATING = "beating"


class Store(Base):
    """One store or PC that a file or a heartbeat has named."""

    __tablename__ = "stores"
    __table_args__ = (CheckConstraint("feed IN ('polled', 'beating')", name="feed"),)

    id: Mapped[int] = mapped_column(Integer, Identity(always=True), primary_key=True)
    # "C": rows of a report are sorted bytewise.
    store_id: Mapped[str] = mapped_column(Text(collation="C"), unique=True)
    # Null while known only from hours or time zones.
    feed: Mapped[str | None] = mapped_column(Text)
    timezone: Mapped[str | None] = mapped_column(Text)
    # Of all time: it survives the retention of old observations.
    first_observed_at: Mapped[datetime | None] = mapped_column(Timestamp)


class BusinessHours(Base):
    """One row of an hours file; microseconds since local midnight, as in the file."""

    __tablename__ = "business_hours"

    store: Mapped[int] = mapped_column(ForeignKey("stores.id"), primary_key=True)
    day: Mapped[int] = mapped_column(SmallInteger, primary_key=True)
    opens: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    closes: Mapped[int] = mapped_column(BigInteger, primary_key=True)


class Observation(Base):
    """One poll. Partitioned by week: a report reads weeks, and old data is dropped by week."""

    __tablename__ = "observations"
    __table_args__ = (
        # An hour's polls go to its end; beginning with the store they would go everywhere.
        PrimaryKeyConstraint("observed_at", "store"),
        {"postgresql_partition_by": "RANGE (observed_at)"},
    )

    # No foreign key: ingestion makes the store first, and a check per row would double its cost.
    store: Mapped[int] = mapped_column(Integer, index=True)
    observed_at: Mapped[datetime] = mapped_column(Timestamp)
    active: Mapped[bool]


class FeedClock(Base):
    """Newest observation of a feed: max() over the observations would take seconds."""

    __tablename__ = "feed_clocks"

    feed: Mapped[str] = mapped_column(Text, primary_key=True)
    newest_at: Mapped[datetime] = mapped_column(Timestamp)
