"""Ingested files and the rows that were rejected."""

from datetime import datetime
from typing import Any

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    ForeignKey,
    Identity,
    Index,
    Integer,
    Text,
    text,
)
from sqlalchemy.dialects.postgresql import BYTEA, JSONB
from sqlalchemy.orm import Mapped, mapped_column

from openhours.api.repeated import Repeatable, repeatable_index
from openhours.db.engine import Base, Timestamp
from openhours.ingestion.csv.kinds import Kind


class Ingestion(Repeatable, Base):
    """One file that was, is being, or will be loaded."""

    __tablename__ = "ingestions"
    __table_args__ = (
        CheckConstraint("state IN ('queued', 'running', 'complete', 'failed')", name="state"),
        CheckConstraint(
            "kind IN ('status', 'hours', 'timezones', 'special_hours', 'labels')", name="kind"
        ),
        Index("ix_ingestions_path", "path", "id"),
        Index("ix_ingestions_kind", "kind", "id"),
        repeatable_index("ingestions"),
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    ingestion_id: Mapped[str] = mapped_column(Text, unique=True)
    # Null until the header of an inbox file was read.
    kind: Mapped[Kind | None] = mapped_column(Text)
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
    # How many rows were rejected for each reason: not all of them are kept, and none for ever.
    rejected_by_reason: Mapped[dict[str, int] | None] = mapped_column(JSONB)
    warning: Mapped[str | None] = mapped_column(Text)
    # What is probably wrong, see `ingestion.advice`; null until the file is loaded.
    advice: Mapped[list[dict[str, Any]] | None] = mapped_column(JSONB)
    error: Mapped[str | None] = mapped_column(Text)
    created_at: Mapped[datetime] = mapped_column(Timestamp, server_default=text("now()"))
    # Null also while a running one waits for files of other machines.
    started_at: Mapped[datetime | None] = mapped_column(Timestamp)
    finished_at: Mapped[datetime | None] = mapped_column(Timestamp)


class RejectedRow(Base):
    """One rejected row, with its reason: of each file the first ones are kept."""

    __tablename__ = "rejected_rows"

    ingestion: Mapped[int] = mapped_column(
        ForeignKey("ingestions.id", ondelete="CASCADE"), primary_key=True
    )
    line: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    reason: Mapped[str] = mapped_column(Text)
    # Bytes: what was rejected may be no text at all.
    raw: Mapped[bytes] = mapped_column(BYTEA)
