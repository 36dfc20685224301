"""Stores, observations, ingestions, reports, and PgQueuer's queue.

Revision: 0001, after None
"""

import sqlalchemy as sa
from alembic import op
from pgqueuer.adapters.persistence.qb import QueryBuilderEnvironment
from sqlalchemy.dialects import postgresql
from sqlalchemy.util import await_only

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def install_queue() -> None:
    # Several statements at once: asyncpg takes them only without parameters, on the raw connection,
    # where SQLAlchemy has begun the transaction only if a statement went before.
    bind = op.get_bind()
    bind.execute(sa.text("SELECT 1"))
    raw = bind.connection.driver_connection
    await_only(raw.execute(QueryBuilderEnvironment().build_install_query()))


def upgrade() -> None:
    install_queue()
    op.create_table(
        "feed_clocks",
        sa.Column("feed", sa.Text(), nullable=False),
        sa.Column("newest_at", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("feed", name=op.f("pk_feed_clocks")),
    )
    op.create_table(
        "ingestions",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("ingestion_id", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=True),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("path", sa.Text(), nullable=False),
        sa.Column("uploaded", sa.Boolean(), nullable=False),
        sa.Column("state", sa.Text(), server_default="queued", nullable=False),
        sa.Column("attempt", sa.Integer(), server_default="0", nullable=False),
        sa.Column("progress", sa.Double(), server_default="0", nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=True),
        sa.Column("modified_ns", sa.BigInteger(), nullable=True),
        sa.Column("sha256", sa.Text(), nullable=True),
        sa.Column("next_line", sa.BigInteger(), nullable=True),
        sa.Column("rows", sa.BigInteger(), nullable=True),
        sa.Column("loaded", sa.BigInteger(), nullable=True),
        sa.Column("unchanged", sa.BigInteger(), nullable=True),
        sa.Column("rejected", sa.BigInteger(), nullable=True),
        sa.Column("error", sa.Text(), nullable=True),
        sa.Column(
            "created_at",
            postgresql.TIMESTAMP(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.Column("started_at", postgresql.TIMESTAMP(timezone=True), nullable=True),
        sa.Column("finished_at", postgresql.TIMESTAMP(timezone=True), nullable=True),
        sa.CheckConstraint(
            "kind IN ('status', 'hours', 'timezones')", name=op.f("ck_ingestions_kind")
        ),
        sa.CheckConstraint(
            "state IN ('queued', 'running', 'complete', 'failed')", name=op.f("ck_ingestions_state")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_ingestions")),
        sa.UniqueConstraint("ingestion_id", name=op.f("uq_ingestions_ingestion_id")),
    )
    op.create_index("ix_ingestions_kind", "ingestions", ["kind", "id"], unique=False)
    op.create_index("ix_ingestions_path", "ingestions", ["path", "id"], unique=False)
    op.create_table(
        "observations",
        sa.Column("store", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("observed_at", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("active", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("store", "observed_at", name=op.f("pk_observations")),
        postgresql_partition_by="RANGE (observed_at)",
    )
    op.create_table(
        "reports",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("report_id", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), server_default="queued", nullable=False),
        sa.Column("attempt", sa.Integer(), server_default="0", nullable=False),
        sa.Column("progress", sa.Double(), server_default="0", nullable=False),
        sa.Column("as_of_polled", postgresql.TIMESTAMP(timezone=True), nullable=True),
        sa.Column("as_of_beating", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("interpolation", sa.Text(), nullable=False),
        sa.Column("stores", postgresql.ARRAY(sa.Integer()), nullable=True),
        sa.Column("lookback_days", sa.Integer(), nullable=False),
        sa.Column("heartbeat_expiry_seconds", sa.Integer(), nullable=False),
        sa.Column("observed_within_minutes", sa.Integer(), nullable=False),
        sa.Column("default_timezone", sa.Text(), nullable=False),
        sa.Column("row_count", sa.Integer(), nullable=True),
        sa.Column("error", sa.Text(), nullable=True),
        sa.Column(
            "created_at",
            postgresql.TIMESTAMP(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.Column("started_at", postgresql.TIMESTAMP(timezone=True), nullable=True),
        sa.Column("finished_at", postgresql.TIMESTAMP(timezone=True), nullable=True),
        sa.CheckConstraint(
            "interpolation IN ('nearest', 'previous')", name=op.f("ck_reports_interpolation")
        ),
        sa.CheckConstraint(
            "state IN ('queued', 'running', 'complete', 'failed')", name=op.f("ck_reports_state")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_reports")),
        sa.UniqueConstraint("report_id", name=op.f("uq_reports_report_id")),
    )
    op.create_index("ix_reports_created_at", "reports", ["created_at"], unique=False)
    op.create_table(
        "stores",
        sa.Column("id", sa.Integer(), sa.Identity(always=True), nullable=False),
        sa.Column("store_id", sa.Text(collation="C"), nullable=False),
        sa.Column("feed", sa.Text(), nullable=True),
        sa.Column("timezone", sa.Text(), nullable=True),
        sa.Column("first_observed_at", postgresql.TIMESTAMP(timezone=True), nullable=True),
        sa.CheckConstraint("feed IN ('polled', 'beating')", name=op.f("ck_stores_feed")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_stores")),
        sa.UniqueConstraint("store_id", name=op.f("uq_stores_store_id")),
    )
    op.create_table(
        "business_hours",
        sa.Column("store", sa.Integer(), nullable=False),
        sa.Column("day", sa.SmallInteger(), nullable=False),
        sa.Column("opens", sa.BigInteger(), nullable=False),
        sa.Column("closes", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["store"], ["stores.id"], name=op.f("fk_business_hours_store")),
        sa.PrimaryKeyConstraint("store", "day", "opens", "closes", name=op.f("pk_business_hours")),
    )
    op.create_table(
        "rejected_rows",
        sa.Column("ingestion", sa.BigInteger(), nullable=False),
        sa.Column("line", sa.BigInteger(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("raw", postgresql.BYTEA(), nullable=False),
        sa.ForeignKeyConstraint(
            ["ingestion"],
            ["ingestions.id"],
            name=op.f("fk_rejected_rows_ingestion"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("ingestion", "line", name=op.f("pk_rejected_rows")),
    )
    op.create_table(
        "report_rows",
        sa.Column("report", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("store", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("known", sa.Boolean(), nullable=False),
        sa.Column("open_hour", sa.BigInteger(), nullable=False),
        sa.Column("open_day", sa.BigInteger(), nullable=False),
        sa.Column("open_week", sa.BigInteger(), nullable=False),
        sa.Column("up_hour", sa.BigInteger(), nullable=False),
        sa.Column("up_day", sa.BigInteger(), nullable=False),
        sa.Column("up_week", sa.BigInteger(), nullable=False),
        sa.Column("observed_hour", sa.BigInteger(), nullable=False),
        sa.Column("observed_day", sa.BigInteger(), nullable=False),
        sa.Column("observed_week", sa.BigInteger(), nullable=False),
        sa.Column("up_observed_hour", sa.BigInteger(), nullable=False),
        sa.Column("up_observed_day", sa.BigInteger(), nullable=False),
        sa.Column("up_observed_week", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("report", "store", name=op.f("pk_report_rows")),
    )


def downgrade() -> None:
    op.drop_table("report_rows")
    op.drop_table("rejected_rows")
    op.drop_table("business_hours")
    op.drop_table("stores")
    op.drop_index("ix_reports_created_at", table_name="reports")
    op.drop_table("reports")
    op.drop_table("observations")
    op.drop_index("ix_ingestions_path", table_name="ingestions")
    op.drop_index("ix_ingestions_kind", table_name="ingestions")
    op.drop_table("ingestions")
    op.drop_table("feed_clocks")
    # The queue stays: `pgq uninstall` removes it.
