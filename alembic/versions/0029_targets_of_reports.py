"""Reports tell which stores met their target.

Revision: 0029, after 0028
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0029"
down_revision = "0028"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("reports", sa.Column("target", sa.SmallInteger()))
    op.add_column(
        "reports",
        sa.Column("verdicts", sa.Boolean(), nullable=False, server_default=sa.text("false")),
    )
    op.add_column("report_rows", sa.Column("target", sa.SmallInteger()))
    op.add_column("report_rows", sa.Column("verdict", postgresql.ARRAY(sa.BigInteger())))
    op.add_column(
        "report_groups", sa.Column("verdicts", postgresql.ARRAY(sa.BigInteger(), dimensions=2))
    )
    op.execute("ALTER TABLE report_groups ALTER verdicts SET STORAGE EXTERNAL")


def downgrade() -> None:
    op.drop_column("report_groups", "verdicts")
    for name in ("verdict", "target"):
        op.drop_column("report_rows", name)
    for name in ("verdicts", "target"):
        op.drop_column("reports", name)
