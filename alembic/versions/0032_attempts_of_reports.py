"""Reports tell when their newest attempt began: it reads the data of that instant.

Revision: 0032, after 0031
"""

import sqlalchemy as sa
from alembic import op

revision = "0032"
down_revision = "0031"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("reports", sa.Column("attempted_at", sa.DateTime(timezone=True)))
    op.execute("UPDATE reports SET attempted_at = started_at WHERE started_at IS NOT NULL")


def downgrade() -> None:
    op.drop_column("reports", "attempted_at")
