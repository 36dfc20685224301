"""Reports may say how sure uptime is.

Revision: 0024, after 0023
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0024"
down_revision = "0023"
branch_labels = None
depends_on = None

_ROWS = ("expected", "p05", "p95")


def upgrade() -> None:
    op.add_column(
        "reports", sa.Column("intervals", sa.Boolean(), nullable=False, server_default="false")
    )
    op.add_column("reports", sa.Column("prior", postgresql.JSONB()))
    op.add_column("reports", sa.Column("calibration", postgresql.JSONB()))
    for name in _ROWS:
        op.add_column("report_rows", sa.Column(name, postgresql.ARRAY(sa.BigInteger())))


def downgrade() -> None:
    for name in _ROWS:
        op.drop_column("report_rows", name)
    for name in ("calibration", "prior", "intervals"):
        op.drop_column("reports", name)
