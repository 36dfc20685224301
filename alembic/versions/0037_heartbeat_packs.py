"""Heartbeats packed by hour and block of PCs; hours that have beats are packed by a worker.

Revision: 0037, after 0036
"""

import sqlalchemy as sa
from alembic import op

revision = "0037"
down_revision = "0036"
branch_labels = None
depends_on = None

_CHANGES = ("INSERT", "NEW"), ("UPDATE", "OLD"), ("UPDATE", "NEW"), ("DELETE", "OLD")

# The lock's number is that of stores/beat_packs.py. A statement that writes to a week's own table
# fires no trigger. What is packed is over, whatever a clock that was set back says.
_MARK = """
CREATE FUNCTION mark_heartbeats() RETURNS trigger LANGUAGE plpgsql AS
$$ BEGIN
    PERFORM pg_advisory_xact_lock_shared(1650811252);
    INSERT INTO heartbeat_marks (hour)
    SELECT DISTINCT date_trunc('hour', event_time, 'UTC') FROM changed
    WHERE event_time < greatest(
        date_trunc('hour', clock_timestamp(), 'UTC'),
        (SELECT max(hour) + interval '1 hour' FROM heartbeat_hours));
    RETURN NULL;
END $$;
"""

_MARK_ALL = """
CREATE FUNCTION mark_all_heartbeats() RETURNS trigger LANGUAGE plpgsql AS
$$ BEGIN
    INSERT INTO heartbeat_marks (hour) SELECT hour FROM heartbeat_hours;
    RETURN NULL;
END $$;
"""

_HOURS = """
INSERT INTO heartbeat_hours (hour)
WITH RECURSIVE hours AS (
    SELECT date_trunc('hour', min(event_time), 'UTC') AS hour FROM heartbeats
    UNION ALL
    SELECT (SELECT date_trunc('hour', min(event_time), 'UTC') FROM heartbeats
            WHERE event_time >= hours.hour + interval '1 hour')
    FROM hours WHERE hours.hour IS NOT NULL
)
SELECT hour FROM hours WHERE hour < date_trunc('hour', now(), 'UTC')
"""


def upgrade() -> None:
    op.create_table(
        "heartbeat_hours",
        sa.Column("hour", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("hour", name=op.f("pk_heartbeat_hours")),
    )
    op.create_table(
        "heartbeat_marks",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("hour", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_heartbeat_marks")),
    )
    op.create_table(
        "heartbeat_packs",
        sa.Column("hour", sa.DateTime(timezone=True), nullable=False),
        sa.Column("block", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("runs", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("hour", "block", name=op.f("pk_heartbeat_packs")),
    )
    # It would try in vain to compress them.
    op.execute("ALTER TABLE heartbeat_packs ALTER COLUMN runs SET STORAGE EXTERNAL")
    op.execute(_HOURS)
    op.execute("INSERT INTO heartbeat_marks (hour) SELECT hour FROM heartbeat_hours")
    op.execute(_MARK)
    op.execute(_MARK_ALL)
    for change, table in _CHANGES:
        op.execute(
            f"""
            CREATE TRIGGER mark_{change.lower()}_{table.lower()} AFTER {change} ON heartbeats
            REFERENCING {table} TABLE AS changed
            FOR EACH STATEMENT EXECUTE FUNCTION mark_heartbeats()
            """
        )
    op.execute(
        """
        CREATE TRIGGER mark_truncate AFTER TRUNCATE ON heartbeats
        FOR EACH STATEMENT EXECUTE FUNCTION mark_all_heartbeats()
        """
    )


def downgrade() -> None:
    for change, table in _CHANGES:
        op.execute(f"DROP TRIGGER mark_{change.lower()}_{table.lower()} ON heartbeats")
    op.execute("DROP TRIGGER mark_truncate ON heartbeats")
    op.execute("DROP FUNCTION mark_heartbeats()")
    op.execute("DROP FUNCTION mark_all_heartbeats()")
    for table in ("heartbeat_packs", "heartbeat_marks", "heartbeat_hours"):
        op.drop_table(table)
