"""A report may be of the stores with some labels.

Revision: 0021, after 0020
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("reports", sa.Column("labels", postgresql.JSONB()))


def downgrade() -> None:
    op.drop_column("reports", "labels")
