"""Reports and their rows."""

from datetime import datetime
from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Identity,
    Index,
    Integer,
    SmallInteger,
    Text,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, BYTEA, JSONB
from sqlalchemy.orm import Mapped, mapped_column

from openhours.api.repeated import Repeatable, repeatable_index
from openhours.db.engine import Base, Timestamp
from openhours.stores.tables import POLLED


class Report(Repeatable, Base):
    """A report from its trigger on. What decides its figures is fixed when it is made."""

    __tablename__ = "reports"
    __table_args__ = (
        CheckConstraint("state IN ('queued', 'running', 'complete', 'failed')", name="state"),
        CheckConstraint("interpolation IN ('nearest', 'previous')", name="interpolation"),
        Index("ix_reports_created_at", "created_at"),
        repeatable_index("reports"),
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    report_id: Mapped[str] = mapped_column(Text, unique=True)
    state: Mapped[str] = mapped_column(Text, server_default="queued")
    attempt: Mapped[int] = mapped_column(Integer, server_default="0")
    progress: Mapped[float] = mapped_column(server_default="0")

    # Null when there was no poll at all.
    as_of_polled: Mapped[datetime | None] = mapped_column(Timestamp)
    as_of_beating: Mapped[datetime] = mapped_column(Timestamp)
    interpolation: Mapped[str] = mapped_column(Text)
    # Null: every store.
    stores: Mapped[list[int] | None] = mapped_column(ARRAY(Integer))
    # Of these stores, those that have, for every key, one of its values; null: whatever they have.
    labels: Mapped[dict[str, list[str]] | None] = mapped_column(JSONB(none_as_null=True))
    # The settings that decide figures, as they were at the trigger.
    lookback_days: Mapped[int]
    heartbeat_expiry_seconds: Mapped[int]
    observed_within_minutes: Mapped[int]
    default_timezone: Mapped[str] = mapped_column(Text)
    # Of stores without one of their own, in hundredths of a percent; null: none.
    target: Mapped[int | None] = mapped_column(SmallInteger)
    # Each [name, kind, start, end], see `uptime.windows`.
    windows: Mapped[list[list[Any]]] = mapped_column(JSONB)
    calendar_timezone: Mapped[str] = mapped_column(Text)
    outages: Mapped[bool] = mapped_column(server_default="false")

    intervals: Mapped[bool] = mapped_column(Boolean, server_default="false")

    # Of a report with intervals: how likely each point of `uptime.intervals.rates.GRID` is for a
    # store of the fleet; and what was said of polls held out, see `uptime.intervals.reliability`.
    prior: Mapped[list[float] | None] = mapped_column(JSONB(none_as_null=True))
    calibration: Mapped[list[list[int]] | None] = mapped_column(JSONB(none_as_null=True))
    # Whether it has intervals and a target, by the setting or of any store.
    verdicts: Mapped[bool] = mapped_column(server_default="false")
    # The ids of those that its lookback meets, in the order in which they were made.
    corrections: Mapped[list[str]] = mapped_column(ARRAY(Text), server_default="{}")
    # Those of its stores, when it was computed.
    zones: Mapped[list[str]] = mapped_column(ARRAY(Text), server_default="{}")
    # How the inputs of its rows are cut, see `reports.inputs`; null before reports kept any.
    inputs: Mapped[dict[str, Any] | None] = mapped_column(JSONB(none_as_null=True))
    # How many groups there are by each label key.
    groups: Mapped[dict[str, int]] = mapped_column(JSONB, server_default="{}")
    row_count: Mapped[int | None] = mapped_column(Integer)
    outage_count: Mapped[int | None] = mapped_column(BigInteger)
    # By feed: [open time, uptime] of all its stores, each of the 168 hours before T, in µs.
    by_hour: Mapped[dict[str, list[list[int]]] | None] = mapped_column(JSONB)
    # By feed, of a complete report: what `uptime.tallies` has of each window.
    tallies: Mapped[dict[str, list[list[int]]] | None] = mapped_column(JSONB)
    error: Mapped[str | None] = mapped_column(Text)
    created_at: Mapped[datetime] = mapped_column(Timestamp, server_default=text("now()"))
    started_at: Mapped[datetime | None] = mapped_column(Timestamp)
    # When its newest attempt began; `started_at` is of the first.
    attempted_at: Mapped[datetime | None] = mapped_column(Timestamp)
    finished_at: Mapped[datetime | None] = mapped_column(Timestamp)

    def as_of(self, feed: str | None) -> datetime | None:
        """Return T of a feed; None of polled stores where there was no poll."""
        return self.as_of_polled if feed == POLLED else self.as_of_beating


class ReportRow(Base):
    """The figures of a store in a report: microseconds, unrounded, an element for each window.

    `open` is what uptime and downtime add up to; `up` counts only where `known`; `observed` is the
    part near an observation. `corrected` is the open time that corrections took out of `open` or
    decided, null in a report without corrections. `zone` is the position of the store's zone in
    those of the report, from 0. `expected`, `p05` and `p95` are the interval
    for uptime, null in a report without intervals; `outages` is how many outages have downtime in
    the window, `longest_outage` the longest such part, null in a report without outages. `target`
    and `verdict` are as in `uptime.intervals.verdicts`, null in a report without verdicts.
    """

    __tablename__ = "report_rows"

    # No foreign keys: checking each row would double the cost of writing a report.
    report: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    store: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    known: Mapped[bool] = mapped_column(Boolean)
    open: Mapped[list[int]] = mapped_column(ARRAY(BigInteger))
    up: Mapped[list[int]] = mapped_column(ARRAY(BigInteger))
    observed: Mapped[list[int]] = mapped_column(ARRAY(BigInteger))
    corrected: Mapped[list[int] | None] = mapped_column(ARRAY(BigInteger))
    zone: Mapped[int] = mapped_column(SmallInteger, server_default="0")
    expected: Mapped[list[int] | None] = mapped_column(ARRAY(BigInteger))
    p05: Mapped[list[int] | None] = mapped_column(ARRAY(BigInteger))
    p95: Mapped[list[int] | None] = mapped_column(ARRAY(BigInteger))
    outages: Mapped[list[int] | None] = mapped_column(ARRAY(BigInteger))
    longest_outage: Mapped[list[int] | None] = mapped_column(ARRAY(BigInteger))
    target: Mapped[int | None] = mapped_column(SmallInteger)
    verdict: Mapped[list[int] | None] = mapped_column(ARRAY(BigInteger))
    # What the figures were made of, see `reports.inputs`.
    inputs: Mapped[bytes | None] = mapped_column(BYTEA)


class ReportOutages(Base):
    """The outages of a store with downtime in a window of a report, see `uptime.outages`.

    An element of each array for each, by `began_at`. `ended_at` is the end of its last downtime,
    also while it is `ongoing`. The observations around it are infinite where there is none.
    `downtime` is in µs. A row for each outage would cost four times as much to write.
    """

    __tablename__ = "report_outages"

    # No foreign keys, as in ReportRow.
    report: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    store: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    began_at: Mapped[list[datetime]] = mapped_column(ARRAY(Timestamp))
    ended_at: Mapped[list[datetime]] = mapped_column(ARRAY(Timestamp))
    began_earliest: Mapped[list[datetime]] = mapped_column(ARRAY(Timestamp))
    ended_latest: Mapped[list[datetime]] = mapped_column(ARRAY(Timestamp))
    downtime: Mapped[list[int]] = mapped_column(ARRAY(BigInteger))
    observations: Mapped[list[int]] = mapped_column(ARRAY(Integer))
    ongoing: Mapped[list[bool]] = mapped_column(ARRAY(Boolean))


class ReportGroups(Base):
    """Some of the groups of a report by a label key: sums over the stores with one value.

    An element of each array for each group, by value bytewise, over all rows of the key in their
    order; the stores without the label come last, under an empty value. `open` and `up` are in µs,
    of known stores, with an element for each window. `verdicts` counts the stores that met their
    target in each window, then those that missed it, then those of which nobody can tell; null in a
    report without verdicts.
    """

    __tablename__ = "report_groups"

    # No foreign key, as in ReportRow.
    report: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    key: Mapped[str] = mapped_column(Text(collation="C"), primary_key=True)
    row: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    values: Mapped[list[str]] = mapped_column(ARRAY(Text))
    stores: Mapped[list[int]] = mapped_column(ARRAY(Integer))
    unknown_stores: Mapped[list[int]] = mapped_column(ARRAY(Integer))
    open: Mapped[list[list[int]]] = mapped_column(ARRAY(BigInteger, dimensions=2))
    up: Mapped[list[list[int]]] = mapped_column(ARRAY(BigInteger, dimensions=2))
    verdicts: Mapped[list[list[int]] | None] = mapped_column(ARRAY(BigInteger, dimensions=2))
