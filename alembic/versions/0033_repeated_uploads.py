"""Ingestions know the Idempotency-Key of their upload.

Revision: 0033, after 0032
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0033"
down_revision = "0032"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("ingestions", sa.Column("requested_by", sa.Text()))
    op.add_column("ingestions", sa.Column("idempotency_key", sa.Text()))
    op.add_column("ingestions", sa.Column("request_hash", postgresql.BYTEA()))
    op.create_index(
        "ix_ingestions_idempotency_key",
        "ingestions",
        ["requested_by", "idempotency_key"],
        unique=True,
        postgresql_where=sa.text("idempotency_key IS NOT NULL"),
    )


def downgrade() -> None:
    op.drop_index("ix_ingestions_idempotency_key", "ingestions")
    op.drop_column("ingestions", "request_hash")
    op.drop_column("ingestions", "idempotency_key")
    op.drop_column("ingestions", "requested_by")
