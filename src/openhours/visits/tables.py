"""Visits, numbered without gaps in the order of their commits."""

from datetime import datetime

from sqlalchemy import BigInteger, Boolean, CheckConstraint, Index, Text, text
from sqlalchemy.orm import Mapped, mapped_column

from openhours.db.engine import Base, Timestamp


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
    """

    __tablename__ = "visits"
    __table_args__ = (Index("ix_visits_visited_at", "visited_at", "number"),)

    number: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    bots_before: Mapped[int] = mapped_column(BigInteger)
    visited_at: Mapped[datetime] = mapped_column(Timestamp)
    bot: Mapped[bool]
    user_id: Mapped[str] = mapped_column(Text)
    page_url: Mapped[str] = mapped_column(Text)
    user_agent: Mapped[str | None] = mapped_column(Text)
    ip_address: Mapped[str | None] = mapped_column(Text)
    referrer: Mapped[str | None] = mapped_column(Text)
