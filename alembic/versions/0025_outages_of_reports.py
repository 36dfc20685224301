"""Reports list outages, if they are asked for.

Revision: 0025, after 0024
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0025"
down_revision = "0024"
branch_labels = None
depends_on = None

_INSTANTS = ("ended_at", "began_earliest", "ended_latest")
_IN_WINDOWS = ("outages", "longest_outage")


def upgrade() -> None:
    op.add_column(
        "reports",
        sa.Column("outages", sa.Boolean(), nullable=False, server_default=sa.text("false")),
    )
    op.add_column("reports", sa.Column("outage_count", sa.BigInteger()))
    for name in _IN_WINDOWS:
        op.add_column("report_rows", sa.Column(name, postgresql.ARRAY(sa.BigInteger())))
    instant = postgresql.TIMESTAMP(timezone=True)
    op.create_table(
        "report_outages",
        sa.Column("report", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("store", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("began_at", instant, nullable=False),
        *(sa.Column(name, instant, nullable=False) for name in _INSTANTS),
        sa.Column("downtime", sa.BigInteger(), nullable=False),
        sa.Column("observations", sa.Integer(), nullable=False),
        sa.Column("ongoing", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("report", "store", "began_at", name=op.f("pk_report_outages")),
    )


def downgrade() -> None:
    op.drop_table("report_outages")
    for name in _IN_WINDOWS:
        op.drop_column("report_rows", name)
    op.drop_column("reports", "outage_count")
    op.drop_column("reports", "outages")
