"""Reports keep sums over the stores that have the same label.

Revision: 0028, after 0027
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0028"
down_revision = "0027"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column(
        "reports", sa.Column("groups", postgresql.JSONB(), nullable=False, server_default="{}")
    )
    op.create_table(
        "report_groups",
        sa.Column("report", sa.BigInteger(), nullable=False),
        sa.Column("key", sa.Text(collation="C"), nullable=False),
        sa.Column("row", sa.Integer(), nullable=False),
        sa.Column("values", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column("stores", postgresql.ARRAY(sa.Integer()), nullable=False),
        sa.Column("unknown_stores", postgresql.ARRAY(sa.Integer()), nullable=False),
        sa.Column("open", postgresql.ARRAY(sa.BigInteger(), dimensions=2), nullable=False),
        sa.Column("up", postgresql.ARRAY(sa.BigInteger(), dimensions=2), nullable=False),
        sa.PrimaryKeyConstraint("report", "key", "row", name=op.f("pk_report_groups")),
    )
    # Compressing them would be most of the time that a report takes for its groups.
    for column in ("values", "stores", "unknown_stores", "open", "up"):
        op.execute(f"ALTER TABLE report_groups ALTER {column} SET STORAGE EXTERNAL")


def downgrade() -> None:
    op.drop_table("report_groups")
    op.drop_column("reports", "groups")
