"""Stores, their business hours, observations, and the ingestions that brought them."""

from datetime import datetime

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    ForeignKey,
    Identity,
    Index,
    Integer,
    PrimaryKeyConstraint,
    SmallInteger,
    Text,
    text,
)
from sqlalchemy.dialects.postgresql import BYTEA
from sqlalchemy.orm import Mapped, mapped_column

from openhours.db.engine import Base, Timestamp

POLLED = "polled"
BEATING = "beating"


class Store(Base):
    """A store or PC, once any file or heartbeat named it."""

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
    """A poll. Partitioned by week, so that a report reads weeks and old data goes by partition."""

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
    """The newest observation of a feed: max() over the observations would take seconds."""

    __tablename__ = "feed_clocks"

    feed: Mapped[str] = mapped_column(Text, primary_key=True)
    newest_at: Mapped[datetime] = mapped_column(Timestamp)


class Ingestion(Base):
    """A file that was, is being, or will be loaded."""

    __tablename__ = "ingestions"
    __table_args__ = (
        CheckConstraint("state IN ('queued', 'running', 'complete', 'failed')", name="state"),
        CheckConstraint("kind IN ('status', 'hours', 'timezones')", name="kind"),
        Index("ix_ingestions_path", "path", "id"),
        Index("ix_ingestions_kind", "kind", "id"),
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    ingestion_id: Mapped[str] = mapped_column(Text, unique=True)
    # Null until the header of an inbox file was read.
    kind: Mapped[str | None] = mapped_column(Text)
    name: Mapped[str] = mapped_column(Text)
    path: Mapped[str] = mapped_column(Text)
    # An upload is ours to delete once it is loaded; a file of the inbox is not.
    uploaded: Mapped[bool]
    state: Mapped[str] = mapped_column(Text, server_default="queued")
    attempt: Mapped[int] = mapped_column(Integer, server_default="0")
    progress: Mapped[float] = mapped_column(server_default="0")
    # What of the file was read: bytes, sha256 of them, and the time of its last change in ns.
    size: Mapped[int | None] = mapped_column(BigInteger)
    modified_ns: Mapped[int | None] = mapped_column(BigInteger)
    sha256: Mapped[str | None] = mapped_column(Text)
    # The line that bytes appended to the file would begin with; null if it cannot be continued.
    next_line: Mapped[int | None] = mapped_column(BigInteger)
    rows: Mapped[int | None] = mapped_column(BigInteger)
    loaded: Mapped[int | None] = mapped_column(BigInteger)
    unchanged: Mapped[int | None] = mapped_column(BigInteger)
    rejected: Mapped[int | None] = mapped_column(BigInteger)
    error: Mapped[str | None] = mapped_column(Text)
    created_at: Mapped[datetime] = mapped_column(Timestamp, server_default=text("now()"))
    started_at: Mapped[datetime | None] = mapped_column(Timestamp)
    finished_at: Mapped[datetime | None] = mapped_column(Timestamp)


class RejectedRow(Base):
    """A row that was set aside, with its reason."""

    __tablename__ = "rejected_rows"

    ingestion: Mapped[int] = mapped_column(
        ForeignKey("ingestions.id", ondelete="CASCADE"), primary_key=True
    )
    line: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    reason: Mapped[str] = mapped_column(Text)
    # Bytes: what was rejected may be no text at all.
    raw: Mapped[bytes] = mapped_column(BYTEA)
