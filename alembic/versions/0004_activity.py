"""Activity: events, and each user's counts of each period.

Revision: 0004, after 0003
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

_INSTANT = postgresql.TIMESTAMP(timezone=True)


def upgrade() -> None:
    op.create_table(
        "activity_clock",
        sa.Column("one", sa.Boolean(), server_default=sa.text("true"), nullable=False),
        sa.Column("last_id", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("recorded_at", _INSTANT, server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint("one", name=op.f("ck_activity_clock_one")),
        sa.PrimaryKeyConstraint("one", name=op.f("pk_activity_clock")),
    )
    op.execute("INSERT INTO activity_clock DEFAULT VALUES")
    op.create_table(
        "activity_counting",
        sa.Column("one", sa.Boolean(), server_default=sa.text("true"), nullable=False),
        sa.Column("counted_until", _INSTANT, nullable=True),
        sa.CheckConstraint("one", name=op.f("ck_activity_counting_one")),
        sa.PrimaryKeyConstraint("one", name=op.f("pk_activity_counting")),
    )
    op.execute("INSERT INTO activity_counting DEFAULT VALUES")
    op.create_table(
        "activity_counts",
        sa.Column("period_start", _INSTANT, nullable=False),
        sa.Column("user_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("period_end", _INSTANT, nullable=False),
        sa.Column("event_count", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("period_start", "user_id", name=op.f("pk_activity_counts")),
    )
    op.create_index("ix_activity_counts_user_id", "activity_counts", ["user_id", "period_start"])
    op.create_table(
        "activity_events",
        sa.Column("recorded_at", _INSTANT, nullable=False),
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("user_id", sa.BigInteger(), nullable=False),
        sa.Column("happened_at", _INSTANT, nullable=False),
        sa.Column("action", sa.Text(), nullable=False),
        sa.Column("metadata", postgresql.JSONB(), nullable=False),
        sa.Column("event_id", sa.Text(), nullable=True),
        sa.CheckConstraint(
            "action IN ('created', 'updated', 'deleted', 'viewed')",
            name=op.f("ck_activity_events_action"),
        ),
        sa.PrimaryKeyConstraint("recorded_at", "id", name=op.f("pk_activity_events")),
    )
    op.create_index(
        "ix_activity_events_user_id", "activity_events", ["user_id", "recorded_at", "id"]
    )
    op.create_index(
        "uq_activity_events_event_id",
        "activity_events",
        ["event_id"],
        unique=True,
        postgresql_where=sa.text("event_id IS NOT NULL"),
    )


def downgrade() -> None:
    op.drop_table("activity_events")
    op.drop_table("activity_counts")
    op.drop_table("activity_counting")
    op.drop_table("activity_clock")
