"""Reports keep to corrections: they name them, and say how much open time they changed.

Revision: 0015, after 0014
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column(
        "reports",
        sa.Column("corrections", postgresql.ARRAY(sa.Text()), nullable=False, server_default="{}"),
    )
    op.add_column("report_rows", sa.Column("corrected", postgresql.ARRAY(sa.BigInteger())))


def downgrade() -> None:
    op.drop_column("report_rows", "corrected")
    op.drop_column("reports", "corrections")
