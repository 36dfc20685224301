"""Open time and uptime by hour of all stores together, kept with each report.

Revision: 0007, after 0006
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("reports", sa.Column("by_hour", postgresql.JSONB(), nullable=True))


def downgrade() -> None:
    op.drop_column("reports", "by_hour")
