"""Labels of stores, and corrections.

Revision: 0011, after 0010
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "labels",
        sa.Column("store", sa.Integer(), nullable=False),
        sa.Column("key", sa.Text(collation="C"), nullable=False),
        sa.Column("value", sa.Text(collation="C"), nullable=False),
        sa.ForeignKeyConstraint(["store"], ["stores.id"], name=op.f("fk_labels_store")),
        sa.PrimaryKeyConstraint("store", "key", name=op.f("pk_labels")),
    )
    op.create_index("ix_labels_key_value", "labels", ["key", "value"])
    op.create_table(
        "corrections",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("correction_id", sa.Text(), nullable=False),
        sa.Column("stores", postgresql.ARRAY(sa.Integer()), nullable=True),
        sa.Column("labels", postgresql.JSONB(none_as_null=True), nullable=True),
        sa.Column("from_at", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("to_at", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("treat_as", sa.Text(), nullable=False),
        sa.Column("category", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column(
            "made_at",
            postgresql.TIMESTAMP(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.Column("made_by", sa.Text(), nullable=False),
        sa.Column("revoked_at", postgresql.TIMESTAMP(timezone=True), nullable=True),
        sa.Column("revoked_by", sa.Text(), nullable=True),
        sa.CheckConstraint("from_at < to_at", name=op.f("ck_corrections_period")),
        sa.CheckConstraint("num_nonnulls(stores, labels) <= 1", name=op.f("ck_corrections_which")),
        sa.CheckConstraint(
            "treat_as IN ('excluded', 'up', 'down')", name=op.f("ck_corrections_treat_as")
        ),
        sa.CheckConstraint(
            "category IN ('maintenance', 'holiday', 'platform_outage', 'data_error', 'other')",
            name=op.f("ck_corrections_category"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_corrections")),
        sa.UniqueConstraint("correction_id", name=op.f("uq_corrections_correction_id")),
    )


def downgrade() -> None:
    op.drop_table("corrections")
    op.drop_table("labels")
