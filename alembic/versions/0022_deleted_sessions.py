"""A deleted work session is kept for some minutes, so that its deletion can be undone.

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
    op.add_column("work_sessions", sa.Column("deleted_at", postgresql.TIMESTAMP(timezone=True)))
    _index_running("time_ms IS NULL AND deleted_at IS NULL")


def downgrade() -> None:
    op.execute("DELETE FROM work_sessions WHERE deleted_at IS NOT NULL")
    _index_running("time_ms IS NULL")
    op.drop_column("work_sessions", "deleted_at")


def _index_running(condition: str) -> None:
    op.drop_index("uq_work_sessions_running", "work_sessions")
    op.create_index(
        "uq_work_sessions_running",
        "work_sessions",
        ["user_id"],
        unique=True,
        postgresql_where=sa.text(condition),
    )
