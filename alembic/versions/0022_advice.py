"""Advice about files that were loaded.

Revision: 0022, after 0021
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0022"
down_revision = "0021"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("ingestions", sa.Column("advice", postgresql.JSONB(), nullable=True))


def downgrade() -> None:
    op.drop_column("ingestions", "advice")
