"""Events in the order of their commits, and each user's count of each period."""

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, Boolean, CheckConstraint, Index, Text, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from openhours.db.engine import Base, Timestamp
from openhours.db.weekly import WeeklyTable

EVENTS = WeeklyTable("activity_events", "recorded_at")


class ActivityClock(Base):
    """One row that gives every group of events its recorded time and ids.

    Its lock is held until the group is committed. So id, recorded time and commit have one order:
    a reader who sees an event sees all that were recorded before it, and none is added between.
    """

    __tablename__ = "activity_clock"
    __table_args__ = (CheckConstraint("one", name="one"),)

    one: Mapped[bool] = mapped_column(Boolean, primary_key=True, server_default=text("true"))
    last_id: Mapped[int] = mapped_column(BigInteger, server_default="0")
    # Never goes back, even where the database's clock does.
    recorded_at: Mapped[datetime] = mapped_column(Timestamp, server_default=text("now()"))


class ActivityEvent(Base):
    """An event: when it happened, as the client says, and when it was recorded.

    Partitioned by week.
    """

    __tablename__ = EVENTS.name
    __table_args__ = (
        CheckConstraint("action IN ('created', 'updated', 'deleted', 'viewed')", name="action"),
        Index("ix_activity_events_user_id", "user_id", "recorded_at", "id"),
        {"postgresql_partition_by": f"RANGE ({EVENTS.instant})"},
    )

    recorded_at: Mapped[datetime] = mapped_column(Timestamp, primary_key=True)
    id: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    user_id: Mapped[int] = mapped_column(BigInteger)
    happened_at: Mapped[datetime] = mapped_column(Timestamp)
    action: Mapped[str] = mapped_column(Text)
    # `metadata` is SQLAlchemy's own word.
    details: Mapped[dict[str, Any]] = mapped_column("metadata", JSONB)


class ActivityEventId(Base):
    """The event that has a client's `event_id`: sent again with it, it is stored once.

    Not partitioned: it may be sent again in any later week.
    """

    __tablename__ = "activity_event_ids"

    event_id: Mapped[str] = mapped_column(Text, primary_key=True)
    recorded_at: Mapped[datetime] = mapped_column(Timestamp)
    id: Mapped[int] = mapped_column(BigInteger)


class ActivityCounting(Base):
    """One row: up to where events are counted. Its lock lets one worker at a time count."""

    __tablename__ = "activity_counting"
    __table_args__ = (CheckConstraint("one", name="one"),)

    one: Mapped[bool] = mapped_column(Boolean, primary_key=True, server_default=text("true"))
    counted_until: Mapped[datetime | None] = mapped_column(Timestamp)


class ActivityCount(Base):
    """Number of a user's events in [period_start, period_end), if there are any."""

    __tablename__ = "activity_counts"
    __table_args__ = (Index("ix_activity_counts_user_id", "user_id", "period_start"),)

    period_start: Mapped[datetime] = mapped_column(Timestamp, primary_key=True)
    user_id: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    period_end: Mapped[datetime] = mapped_column(Timestamp)
    event_count: Mapped[int] = mapped_column(BigInteger)


class ActivityPeriod(Base):
    """Number of all users' events in [period_start, period_end), if there are any."""

    __tablename__ = "activity_periods"

    period_start: Mapped[datetime] = mapped_column(Timestamp, primary_key=True)
    period_end: Mapped[datetime] = mapped_column(Timestamp)
    event_count: Mapped[int] = mapped_column(BigInteger)
