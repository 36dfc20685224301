"""Users can be disabled; keys may have an end, and say when they were used last.

Revision: 0019, after 0018
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None

_INSTANT = postgresql.TIMESTAMP(timezone=True)


def upgrade() -> None:
    op.add_column("users", sa.Column("disabled_at", _INSTANT))
    op.add_column("api_keys", sa.Column("expires_at", _INSTANT))
    op.add_column("api_keys", sa.Column("last_used_at", _INSTANT))


def downgrade() -> None:
    op.drop_column("api_keys", "last_used_at")
    op.drop_column("api_keys", "expires_at")
    op.drop_column("users", "disabled_at")
