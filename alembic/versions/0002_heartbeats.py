"""Heartbeats.

Revision: 0002, after 0001
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "heartbeats",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("store", sa.Integer(), nullable=False),
        sa.Column("event_time", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("beat_id", sa.Text(), nullable=True),
        sa.Column(
            "received_at",
            postgresql.TIMESTAMP(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_heartbeats")),
    )
    op.create_index("ix_heartbeats_event_time", "heartbeats", ["event_time", "id"])
    op.create_index("ix_heartbeats_store", "heartbeats", ["store", "event_time", "id"])
    op.create_index(
        "uq_heartbeats_beat_id",
        "heartbeats",
        ["store", "beat_id"],
        unique=True,
        postgresql_where=sa.text("beat_id IS NOT NULL"),
    )


def downgrade() -> None:
    op.drop_table("heartbeats")
