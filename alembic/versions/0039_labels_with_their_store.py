"""The index of labels has their stores, too: which stores have a label is read from it alone.

Revision: 0039, after 0038
"""

from alembic import op

revision = "0039"
down_revision = "0038"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.drop_index("ix_labels_key_value", "labels")
    op.create_index("ix_labels_key_value_store", "labels", ["key", "value", "store"])


def downgrade() -> None:
    op.drop_index("ix_labels_key_value_store", "labels")
    op.create_index("ix_labels_key_value", "labels", ["key", "value"])
