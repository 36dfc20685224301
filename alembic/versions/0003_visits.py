"""Visits; running totals for the metrics.

Revision: 0003, after 0002
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "visit_counter",
        sa.Column("one", sa.Boolean(), server_default=sa.text("true"), nullable=False),
        sa.Column("total", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("bots", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column(
            "newest_at",
            postgresql.TIMESTAMP(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.CheckConstraint("one", name=op.f("ck_visit_counter_one")),
        sa.PrimaryKeyConstraint("one", name=op.f("pk_visit_counter")),
    )
    op.execute("INSERT INTO visit_counter DEFAULT VALUES")
    op.create_table(
        "visits",
        sa.Column("number", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("bots_before", sa.BigInteger(), nullable=False),
        sa.Column("visited_at", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("bot", sa.Boolean(), nullable=False),
        sa.Column("user_id", sa.Text(), nullable=False),
        sa.Column("page_url", sa.Text(), nullable=False),
        sa.Column("user_agent", sa.Text(), nullable=True),
        sa.Column("ip_address", sa.Text(), nullable=True),
        sa.Column("referrer", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_visits")),
    )
    op.create_index("ix_visits_visited_at", "visits", ["visited_at", "number"])
    op.create_table(
        "totals",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("label", sa.Text(), nullable=False),
        sa.Column("value", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("name", "label", name=op.f("pk_totals")),
    )


def downgrade() -> None:
    op.drop_table("totals")
    op.drop_index("ix_visits_visited_at", table_name="visits")
    op.drop_table("visits")
    op.drop_table("visit_counter")
