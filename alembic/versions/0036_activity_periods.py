"""Each period's events of all users, in one row: pages need not add up those of thousands.

Revision: 0036, after 0035
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0036"
down_revision = "0035"
branch_labels = None
depends_on = None

_FILL = """
INSERT INTO activity_periods (period_start, period_end, event_count)
SELECT period_start, period_end, sum(event_count) FROM activity_counts GROUP BY 1, 2
"""


def upgrade() -> None:
    instant = postgresql.TIMESTAMP(timezone=True)
    op.create_table(
        "activity_periods",
        sa.Column("period_start", instant, nullable=False),
        sa.Column("period_end", instant, nullable=False),
        sa.Column("event_count", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("period_start", name=op.f("pk_activity_periods")),
    )
    op.execute(_FILL)


def downgrade() -> None:
    op.drop_table("activity_periods")
