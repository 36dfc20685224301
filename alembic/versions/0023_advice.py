"""Advice about files that were loaded.

Revision: 0023, after 0022
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0023"
down_revision = "0022"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("ingestions", sa.Column("advice", postgresql.JSONB(), nullable=True))


def downgrade() -> None:
    op.drop_column("ingestions", "advice")
