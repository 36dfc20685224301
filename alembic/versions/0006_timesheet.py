"""Work sessions, one running a user, and the answers kept for retried requests.

Revision: 0006, after 0005
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

INSTANT = postgresql.TIMESTAMP(timezone=True)


def upgrade() -> None:
    op.create_table(
        "work_sessions",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("started_at", INSTANT, nullable=False),
        sa.Column("time_ms", sa.BigInteger(), nullable=True),
        sa.CheckConstraint("time_ms >= 0", name=op.f("ck_work_sessions_time")),
        sa.ForeignKeyConstraint(
            ["user_id"], ["users.id"], name=op.f("fk_work_sessions_user_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_work_sessions")),
    )
    op.create_index(
        "uq_work_sessions_running",
        "work_sessions",
        ["user_id"],
        unique=True,
        postgresql_where=sa.text("time_ms IS NULL"),
    )
    op.create_index("ix_work_sessions_user_id", "work_sessions", ["user_id", "started_at", "id"])
    op.create_table(
        "kept_answers",
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("asked", postgresql.BYTEA(), nullable=False),
        sa.Column("answer", postgresql.JSONB(), nullable=False),
        sa.Column("created_at", INSTANT, server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(
            ["user_id"], ["users.id"], name=op.f("fk_kept_answers_user_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("user_id", "key", name=op.f("pk_kept_answers")),
    )


def downgrade() -> None:
    op.drop_table("kept_answers")
    op.drop_table("work_sessions")
