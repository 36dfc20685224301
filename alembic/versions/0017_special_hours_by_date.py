"""Special hours by date, for the list of them.

Revision: 0017, after 0016
"""

from alembic import op

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index("ix_special_hours_date", "special_hours", ["date", "store"])


def downgrade() -> None:
    op.drop_index("ix_special_hours_date", "special_hours")
