"""Pages of stores keep room for new versions of their rows, which then need no entry in an index.

The first files about stores insert them, set their time zones and note their first observations.

Revision: 0040, after 0039
"""

from alembic import op

revision = "0040"
down_revision = "0039"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("ALTER TABLE stores SET (fillfactor = 45)")


def downgrade() -> None:
    op.execute("ALTER TABLE stores RESET (fillfactor)")
