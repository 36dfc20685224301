"""Visits, numbered without gaps in the order of their commits, and counts of the last days."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import BigInteger, Boolean, CheckConstraint, Integer, SmallInteger, Text, text
from sqlalchemy.orm import Mapped, mapped_column

from openhours.db.engine import Base, Timestamp
from openhours.db.weekly import WeeklyTable

VISITS = WeeklyTable("visits", "visited_at")


class VisitCounter(Base):
    """One row from which every group of visits takes its numbers.

    Its lock is held until the group is committed. So numbers have no gaps, whatever is killed, and
    number, time and commit have the same order.
    """

    __tablename__ = "visit_counter"
    __table_args__ = (CheckConstraint("one", name="one"),)

    one: Mapped[bool] = mapped_column(Boolean, primary_key=True, server_default=text("true"))
    total: Mapped[int] = mapped_column(BigInteger, server_default="0")
    bots: Mapped[int] = mapped_column(BigInteger, server_default="0")
    # Never goes back, even where the database's clock does.
    newest_at: Mapped[datetime] = mapped_column(Timestamp, server_default=text("now()"))


class Visit(Base):
    """Visit. `number` counts all visits, `bots_before` the bots among those before it.

    So what happened since a moment is a difference to the first visit since then: no counting.
    Partitioned by week.
    """

    __tablename__ = VISITS.name
    __table_args__ = ({"postgresql_partition_by": f"RANGE ({VISITS.instant})"},)

    visited_at: Mapped[datetime] = mapped_column(Timestamp, primary_key=True)
    number: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    bots_before: Mapped[int] = mapped_column(BigInteger)
    bot: Mapped[bool]
    user_id: Mapped[str] = mapped_column(Text)
    page_url: Mapped[str] = mapped_column(Text)
    user_agent: Mapped[str | None] = mapped_column(Text)
    ip_address: Mapped[str | None] = mapped_column(Text)
    referrer: Mapped[str | None] = mapped_column(Text)


class VisitCounting(Base):
    """One row: `visits` were before `counted_until`, and those of the last days are in the counts.

    Its lock lets one worker at a time count.
    """

    __tablename__ = "visit_counting"
    __table_args__ = (CheckConstraint("one", name="one"),)

    one: Mapped[bool] = mapped_column(Boolean, primary_key=True, server_default=text("true"))
    # Null: nothing is counted.
    counted_until: Mapped[datetime | None] = mapped_column(Timestamp)
    visits: Mapped[int] = mapped_column(BigInteger, server_default="0")


class VisitCount(Base):
    """Visits of a page, or from a referrer, in the UTC hour or day that begins at `starts_at`."""

    __tablename__ = "visit_counts"

    hours: Mapped[int] = mapped_column(SmallInteger, primary_key=True, autoincrement=False)
    starts_at: Mapped[datetime] = mapped_column(Timestamp, primary_key=True)
    is_referrer: Mapped[bool] = mapped_column(Boolean, primary_key=True)
    # MD5 of the name, which may be too long for an index.
    key: Mapped[UUID] = mapped_column(primary_key=True)
    name: Mapped[str | None] = mapped_column(Text)
    visits: Mapped[int] = mapped_column(Integer)
    bots: Mapped[int] = mapped_column(Integer)
