"""Reports keep fingerprints of what their figures were made of.

Revision: 0027, after 0026
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0027"
down_revision = "0026"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("reports", sa.Column("inputs", postgresql.JSONB()))
    op.add_column("report_rows", sa.Column("inputs", postgresql.BYTEA()))


def downgrade() -> None:
    op.drop_column("report_rows", "inputs")
    op.drop_column("reports", "inputs")
