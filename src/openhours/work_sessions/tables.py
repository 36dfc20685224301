"""Work sessions, and the answers kept for retried requests."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Identity, Index, Text, text
from sqlalchemy.dialects.postgresql import BYTEA, JSONB
from sqlalchemy.orm import Mapped, mapped_column

from openhours.db.engine import Base, Timestamp


class WorkSession(Base):
    """[started_at, started_at + time_ms); without `time_ms` it is running.

    One with `deleted_at` is kept for some minutes, so that its deletion can be undone.
    """

    __tablename__ = "work_sessions"
    __table_args__ = (
        CheckConstraint("time_ms >= 0", name="time"),
        Index(
            "uq_work_sessions_running",
            "user_id",
            unique=True,
            postgresql_where=text("time_ms IS NULL AND deleted_at IS NULL"),
        ),
        Index("ix_work_sessions_user_id", "user_id", "started_at", "id"),
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    user_id: Mapped[UUID] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"))
    name: Mapped[str] = mapped_column(Text)
    started_at: Mapped[datetime] = mapped_column(Timestamp)
    time_ms: Mapped[int | None] = mapped_column(BigInteger)
    deleted_at: Mapped[datetime | None] = mapped_column(Timestamp)


class KeptAnswer(Base):
    """Answer to a request with an `Idempotency-Key`, and the hash of that request."""

    __tablename__ = "kept_answers"

    user_id: Mapped[UUID] = mapped_column(
        ForeignKey("users.id", ondelete="CASCADE"), primary_key=True
    )
    key: Mapped[str] = mapped_column(Text, primary_key=True)
    request_hash: Mapped[bytes] = mapped_column("asked", BYTEA)
    answer: Mapped[dict[str, Any]] = mapped_column(JSONB)
    created_at: Mapped[datetime] = mapped_column(Timestamp, server_default=text("now()"))
