"""The newest heartbeat of a PC is found at once: heartbeats are indexed by PC and time.

Five million heartbeats take 6 s; nobody can write any meanwhile.

Revision: 0026, after 0025
"""

from alembic import op

revision = "0026"
down_revision = "0025"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.drop_index("ix_heartbeats_store", "heartbeats")
    op.create_index("ix_heartbeats_store_event_time", "heartbeats", ["store", "event_time"])


def downgrade() -> None:
    op.drop_index("ix_heartbeats_store_event_time", "heartbeats")
    op.create_index("ix_heartbeats_store", "heartbeats", ["store"])
