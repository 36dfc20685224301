"""What is delivered of reports and ingestions, and which scheduled report was made last.

Revision: 0034, after 0033
"""

import sqlalchemy as sa
from alembic import op

revision = "0034"
down_revision = "0033"
branch_labels = None
depends_on = None

_TIMESTAMP = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "deliveries",
        sa.Column("id", sa.BigInteger, sa.Identity(always=True), nullable=False),
        sa.Column("delivery_id", sa.Text, nullable=False),
        sa.Column("channel", sa.Text, nullable=False),
        sa.Column("event", sa.Text, nullable=False),
        sa.Column("report", sa.BigInteger),
        sa.Column("ingestion", sa.BigInteger),
        sa.Column("state", sa.Text, nullable=False, server_default="waiting"),
        sa.Column("tries", sa.Integer, nullable=False, server_default="0"),
        sa.Column("first_tried_at", _TIMESTAMP),
        sa.Column("tried_at", _TIMESTAMP),
        sa.Column("delivered_at", _TIMESTAMP),
        sa.Column("next_at", _TIMESTAMP, server_default=sa.text("now()")),
        sa.Column("destination", sa.Text),
        sa.Column("last_error", sa.Text),
        sa.Column("created_at", _TIMESTAMP, nullable=False, server_default=sa.text("now()")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_deliveries")),
        sa.UniqueConstraint("delivery_id", name=op.f("uq_deliveries_delivery_id")),
        sa.ForeignKeyConstraint(
            ["report"], ["reports.id"], ondelete="CASCADE", name=op.f("fk_deliveries_report")
        ),
        sa.ForeignKeyConstraint(
            ["ingestion"],
            ["ingestions.id"],
            ondelete="CASCADE",
            name=op.f("fk_deliveries_ingestion"),
        ),
        sa.CheckConstraint(
            "state IN ('waiting', 'delivered', 'failed')", name=op.f("ck_deliveries_state")
        ),
        sa.CheckConstraint("channel IN ('webhook', 'outbox')", name=op.f("ck_deliveries_channel")),
        sa.CheckConstraint("num_nonnulls(report, ingestion) = 1", name=op.f("ck_deliveries_about")),
        sa.CheckConstraint(
            "(state = 'waiting') = (next_at IS NOT NULL)", name=op.f("ck_deliveries_next_at")
        ),
    )
    op.create_index(
        "ix_deliveries_next_at",
        "deliveries",
        ["next_at"],
        postgresql_where=sa.text("state = 'waiting'"),
    )
    op.create_index("ix_deliveries_report", "deliveries", ["report"])
    op.create_index("ix_deliveries_ingestion", "deliveries", ["ingestion"])
    op.create_table(
        "report_schedule",
        sa.Column("one", sa.Boolean, nullable=False, server_default=sa.text("true")),
        sa.Column("cron", sa.Text, nullable=False),
        sa.Column("made_until", _TIMESTAMP, nullable=False),
        sa.PrimaryKeyConstraint("one", name=op.f("pk_report_schedule")),
        sa.CheckConstraint("one", name=op.f("ck_report_schedule_one")),
    )


def downgrade() -> None:
    op.drop_table("report_schedule")
    op.drop_table("deliveries")
