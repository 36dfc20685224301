"""Stores, their business hours and labels, corrections, and the observations."""

from datetime import date, datetime
from typing import Literal, get_args

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Date,
    ForeignKey,
    Identity,
    Index,
    Integer,
    PrimaryKeyConstraint,
    SmallInteger,
    Text,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.orm import Mapped, mapped_column

from openhours.db.engine import Base, Timestamp
from openhours.db.weekly import WeeklyTable

POLLED = "polled"
BEATING = "beating"
# `store` of special hours of every polled store; no store has this id.
EVERY_STORE = 0

OBSERVATIONS = WeeklyTable("observations", "observed_at")
HEARTBEATS = WeeklyTable("heartbeats", "event_time")
# Where the observations of a feed are.
WEEKLY = {POLLED: OBSERVATIONS, BEATING: HEARTBEATS}

TreatAs = Literal["excluded", "up", "down"]
Category = Literal["maintenance", "holiday", "platform_outage", "data_error", "other"]


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
    """One row of an hours file; microseconds since local midnight, as in the file.

    The store is closed on the day where both are CLOSED.
    """

    __tablename__ = "business_hours"

    store: Mapped[int] = mapped_column(ForeignKey("stores.id"), primary_key=True)
    day: Mapped[int] = mapped_column(SmallInteger, primary_key=True)
    opens: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    closes: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    # -infinity, which Python has as `date.min`: always.
    valid_from: Mapped[date] = mapped_column(
        Date, primary_key=True, server_default=text("'-infinity'")
    )


class SpecialHours(Base):
    """Hours of a store on one local date, instead of those of the week; as in BusinessHours."""

    __tablename__ = "special_hours"
    __table_args__ = (Index("ix_special_hours_date", "date", "store"),)

    # Or EVERY_STORE: hence no foreign key.
    store: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    date: Mapped[date] = mapped_column(Date, primary_key=True)
    opens: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    closes: Mapped[int] = mapped_column(BigInteger, primary_key=True)


class Label(Base):
    """A word about a store that is not its id: its brand, its region, its name …"""

    __tablename__ = "labels"
    # Which stores have a label; which labels there are.
    __table_args__ = (Index("ix_labels_key_value_store", "key", "value", "store"),)

    store: Mapped[int] = mapped_column(ForeignKey("stores.id"), primary_key=True)
    key: Mapped[str] = mapped_column(Text(collation="C"), primary_key=True)
    value: Mapped[str] = mapped_column(Text(collation="C"))


class Correction(Base):
    """What a person says about [from_at, to_at) of some stores; revoked, never deleted.

    Where several meet, the one with the highest `id` decides.
    """

    __tablename__ = "corrections"
    __table_args__ = (
        CheckConstraint("from_at < to_at", name="period"),
        CheckConstraint("num_nonnulls(stores, labels) <= 1", name="which"),
        CheckConstraint(f"treat_as IN {get_args(TreatAs)}", name="treat_as"),
        CheckConstraint(f"category IN {get_args(Category)}", name="category"),
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    correction_id: Mapped[str] = mapped_column(Text, unique=True)
    # Stores with these database ids, or those that have, for every key, one of its values; neither:
    # all stores. No foreign keys in an array: who deletes stores leaves these.
    stores: Mapped[list[int] | None] = mapped_column(ARRAY(Integer))
    labels: Mapped[dict[str, list[str]] | None] = mapped_column(JSONB(none_as_null=True))
    from_at: Mapped[datetime] = mapped_column(Timestamp)
    to_at: Mapped[datetime] = mapped_column(Timestamp)
    treat_as: Mapped[str] = mapped_column(Text)
    category: Mapped[str] = mapped_column(Text)
    reason: Mapped[str] = mapped_column(Text)
    made_at: Mapped[datetime] = mapped_column(Timestamp, server_default=text("now()"))
    made_by: Mapped[str] = mapped_column(Text)
    revoked_at: Mapped[datetime | None] = mapped_column(Timestamp)
    revoked_by: Mapped[str | None] = mapped_column(Text)


class Observation(Base):
    """One poll. Partitioned by week: a report reads weeks, and old data is dropped by week.

    The observations of PCs are their heartbeats.
    """

    __tablename__ = "observations"
    __table_args__ = (
        # An hour's polls go to its end; beginning with the store they would go everywhere. Those of
        # some stores are found in packs.
        PrimaryKeyConstraint("observed_at", "store"),
        {"postgresql_partition_by": "RANGE (observed_at)"},
    )

    # No foreign key: ingestion makes the store first, and a check per row would double its cost.
    store: Mapped[int] = mapped_column(Integer)
    observed_at: Mapped[datetime] = mapped_column(Timestamp)
    active: Mapped[bool]


class ObservationDay(Base):
    """UTC day that may have polls; `packed`: its packs hold just its rows, see `stores.packs`."""

    __tablename__ = "observation_days"

    day: Mapped[date] = mapped_column(Date, primary_key=True)
    packed: Mapped[bool]


class ObservationPack(Base):
    """Polls of a day and a block of stores, see `stores.packs`."""

    __tablename__ = "observation_packs"

    day: Mapped[date] = mapped_column(Date, primary_key=True)
    block: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    polls: Mapped[bytes]


class HeartbeatHour(Base):
    """UTC hour whose heartbeats are packed, unless it has a mark, see `stores.beat_packs`."""

    __tablename__ = "heartbeat_hours"

    hour: Mapped[datetime] = mapped_column(Timestamp, primary_key=True)


class HeartbeatMark(Base):
    """UTC hour whose heartbeats were changed when it was over; a trigger writes these."""

    __tablename__ = "heartbeat_marks"

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    hour: Mapped[datetime] = mapped_column(Timestamp)


class HeartbeatPack(Base):
    """Runs of heartbeats of an hour and a block of PCs, see `stores.beat_packs`."""

    __tablename__ = "heartbeat_packs"

    hour: Mapped[datetime] = mapped_column(Timestamp, primary_key=True)
    block: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    runs: Mapped[bytes]


class FeedClock(Base):
    """Newest observation of a feed: max() over the observations would take seconds."""

    __tablename__ = "feed_clocks"

    feed: Mapped[str] = mapped_column(Text, primary_key=True)
    newest_at: Mapped[datetime] = mapped_column(Timestamp)
