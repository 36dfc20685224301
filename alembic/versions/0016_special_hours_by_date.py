"""Special hours by date, for the list of them.

Revision: 0016, after 0015
"""

from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index("ix_special_hours_date", "special_hours", ["date", "store"])


def downgrade() -> None:
    op.drop_index("ix_special_hours_date", "special_hours")
