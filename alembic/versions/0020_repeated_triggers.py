"""Reports know the Idempotency-Key of their trigger.

Revision: 0020, after 0019
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("reports", sa.Column("requested_by", sa.Text()))
    op.add_column("reports", sa.Column("idempotency_key", sa.Text()))
    op.add_column("reports", sa.Column("request_hash", postgresql.BYTEA()))
    op.create_index(
        "ix_reports_idempotency_key",
        "reports",
        ["requested_by", "idempotency_key"],
        unique=True,
        postgresql_where=sa.text("idempotency_key IS NOT NULL"),
    )


def downgrade() -> None:
    op.drop_index("ix_reports_idempotency_key", "reports")
    op.drop_column("reports", "request_hash")
    op.drop_column("reports", "idempotency_key")
    op.drop_column("reports", "requested_by")
