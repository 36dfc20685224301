"""Addresses from which a user has logged in: limits on guesses from elsewhere do not hold for them.

Revision: 0009, after 0008
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "known_addresses",
        sa.Column("subject", postgresql.BYTEA(), nullable=False),
        sa.Column("last_login_at", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("subject", name=op.f("pk_known_addresses")),
    )
    op.create_index("ix_known_addresses_last_login_at", "known_addresses", ["last_login_at"])


def downgrade() -> None:
    op.drop_table("known_addresses")
