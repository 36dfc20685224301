"""Rows of reports no longer keep how much of uptime lies near an observation: nothing tells it.

Revision: 0030, after 0029
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0030"
down_revision = "0029"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.drop_column("report_rows", "up_observed")


def downgrade() -> None:
    """Give the column back, of earlier reports with what is near an observation at all."""
    column = sa.Column("up_observed", postgresql.ARRAY(sa.BigInteger()))
    op.add_column("report_rows", column)
    op.execute("UPDATE report_rows SET up_observed = observed")
    op.alter_column("report_rows", "up_observed", nullable=False)
