"""Observations are found by their instants alone: of some stores, reports and pages read packs.

Revision: 0038, after 0037
"""

from alembic import op

revision = "0038"
down_revision = "0037"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.drop_index("ix_observations_store", "observations")


def downgrade() -> None:
    op.create_index("ix_observations_store", "observations", ["store"])
