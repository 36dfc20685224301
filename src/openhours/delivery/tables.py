"""Which report of the schedule was made last."""

from datetime import datetime

from sqlalchemy import Boolean, CheckConstraint, Text, text
from sqlalchemy.orm import Mapped, mapped_column

from openhours.db.engine import Base, Timestamp


class ReportSchedule(Base):
    """The one row of the schedule; there is none before the first start with a schedule."""

    __tablename__ = "report_schedule"
    __table_args__ = (CheckConstraint("one", name="one"),)

    one: Mapped[bool] = mapped_column(Boolean, primary_key=True, server_default=text("true"))
    cron: Mapped[str] = mapped_column(Text)
    # The last time that was due by then and is dealt with, or when the expression was first seen.
    made_until: Mapped[datetime] = mapped_column(Timestamp)
