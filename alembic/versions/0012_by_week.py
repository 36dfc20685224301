"""Heartbeats, visits and activity events by week; counts of visits by hour and day.

A heartbeat is the observation of its PC: it is stored once. Clients' ids of heartbeats and events,
which are unique over all weeks, have tables of their own. Every row is copied, in one transaction:
ten million heartbeats and as many visits take two minutes, and room for both once more.

Revision: 0012, after 0011
"""

from datetime import datetime, timedelta

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

_INSTANT = postgresql.TIMESTAMP(timezone=True)
_WEEK = timedelta(days=7)


def _weeks(table: str, instant: str) -> list[datetime]:
    """Return the Mondays, UTC, of the weeks in which the table has rows."""
    query = f"SELECT DISTINCT date_trunc('week', {instant}, 'UTC') FROM {table} ORDER BY 1"  # noqa: S608
    return list(op.get_bind().scalars(sa.text(query)))


def _make_week(table: str, monday: datetime) -> None:
    op.execute(
        f"CREATE TABLE IF NOT EXISTS {table}_{monday:%Y%m%d} PARTITION OF {table}"
        f" FOR VALUES FROM ('{monday.isoformat()}') TO ('{(monday + _WEEK).isoformat()}')"
    )


def _fill(table: str, instant: str, columns: str) -> None:
    """Move the rows of `old_TABLE` into weeks of the new table, which has no index yet."""
    for monday in _weeks(f"old_{table}", instant):
        _make_week(table, monday)
    op.execute(
        f"INSERT INTO {table} ({columns}) SELECT {columns} FROM old_{table} ORDER BY {instant}"  # noqa: S608
    )


def _put_aside(table: str) -> None:
    """Rename a table and its indexes; servers of the version before wait, and then fail."""
    op.execute(f"LOCK TABLE {table} IN ACCESS EXCLUSIVE MODE")
    op.rename_table(table, f"old_{table}")
    indexes = sa.text(
        "SELECT indexrelid::regclass::text FROM pg_index WHERE indrelid = CAST(:name AS regclass)"
    )
    for index in op.get_bind().scalars(indexes, {"name": f"old_{table}"}):
        op.execute(f"ALTER INDEX {index} RENAME TO old_{index}")


def upgrade() -> None:
    _upgrade_heartbeats()
    _upgrade_visits()
    _upgrade_activity()


def _upgrade_heartbeats() -> None:
    _put_aside("heartbeats")
    op.create_table(
        "heartbeats",
        sa.Column("event_time", _INSTANT, nullable=False),
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("store", sa.Integer(), nullable=False),
        postgresql_partition_by="RANGE (event_time)",
    )
    _fill("heartbeats", "event_time", "event_time, id, store")
    op.create_primary_key("pk_heartbeats", "heartbeats", ["event_time", "id"])
    op.create_index("ix_heartbeats_store", "heartbeats", ["store"])
    op.execute("CREATE SEQUENCE heartbeat_ids")
    op.execute("SELECT setval('heartbeat_ids', max(id)) FROM old_heartbeats HAVING max(id) > 0")
    op.execute(
        """
        CREATE TABLE beat_ids AS
        SELECT hashtextextended(beat_id, store) AS hash, event_time, id AS heartbeat
        FROM old_heartbeats WHERE beat_id IS NOT NULL ORDER BY id
        """
    )
    for column in ("hash", "event_time", "heartbeat"):
        op.alter_column("beat_ids", column, nullable=False)
    op.create_primary_key("pk_beat_ids", "beat_ids", ["hash"])
    op.drop_table("old_heartbeats")
    _remove_observations_of_pcs()


def _remove_observations_of_pcs() -> None:
    """Drop the weeks that hold nothing else; delete in the others."""
    bind = op.get_bind()
    weeks = sa.text(
        "SELECT inhrelid::regclass::text FROM pg_inherits"
        " WHERE inhparent = 'observations'::regclass"
    )
    of_pcs = "SELECT id FROM stores WHERE feed = 'beating'"
    for week in list(bind.scalars(weeks)):
        polls = f"SELECT EXISTS (SELECT FROM {week} WHERE store NOT IN ({of_pcs}))"  # noqa: S608
        if bind.scalar(sa.text(polls)):
            op.execute(f"DELETE FROM {week} WHERE store IN ({of_pcs})")  # noqa: S608
        else:
            op.execute(f"DROP TABLE {week}")


def _upgrade_visits() -> None:
    _put_aside("visits")
    op.create_table(
        "visits",
        sa.Column("visited_at", _INSTANT, nullable=False),
        sa.Column("number", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("bots_before", sa.BigInteger(), nullable=False),
        sa.Column("bot", sa.Boolean(), nullable=False),
        sa.Column("user_id", sa.Text(), nullable=False),
        sa.Column("page_url", sa.Text(), nullable=False),
        sa.Column("user_agent", sa.Text(), nullable=True),
        sa.Column("ip_address", sa.Text(), nullable=True),
        sa.Column("referrer", sa.Text(), nullable=True),
        postgresql_partition_by="RANGE (visited_at)",
    )
    _fill(
        "visits",
        "visited_at",
        "visited_at, number, bots_before, bot, user_id, page_url, user_agent, ip_address, referrer",
    )
    op.create_primary_key("pk_visits", "visits", ["visited_at", "number"])
    op.drop_table("old_visits")
    op.create_table(
        "visit_counting",
        sa.Column("one", sa.Boolean(), server_default=sa.text("true"), nullable=False),
        sa.Column("counted_until", _INSTANT, nullable=True),
        sa.Column("visits", sa.BigInteger(), server_default="0", nullable=False),
        sa.CheckConstraint("one", name=op.f("ck_visit_counting_one")),
        sa.PrimaryKeyConstraint("one", name=op.f("pk_visit_counting")),
    )
    op.execute("INSERT INTO visit_counting DEFAULT VALUES")
    op.create_table(
        "visit_counts",
        sa.Column("hours", sa.SmallInteger(), autoincrement=False, nullable=False),
        sa.Column("starts_at", _INSTANT, nullable=False),
        sa.Column("is_referrer", sa.Boolean(), nullable=False),
        sa.Column("key", sa.Uuid(), nullable=False),
        sa.Column("name", sa.Text(), nullable=True),
        sa.Column("visits", sa.Integer(), nullable=False),
        sa.Column("bots", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint(
            "hours", "starts_at", "is_referrer", "key", name=op.f("pk_visit_counts")
        ),
    )


def _upgrade_activity() -> None:
    _put_aside("activity_events")
    op.create_table(
        "activity_events",
        sa.Column("recorded_at", _INSTANT, nullable=False),
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("user_id", sa.BigInteger(), nullable=False),
        sa.Column("happened_at", _INSTANT, nullable=False),
        sa.Column("action", sa.Text(), nullable=False),
        sa.Column("metadata", postgresql.JSONB(), nullable=False),
        postgresql_partition_by="RANGE (recorded_at)",
    )
    _fill(
        "activity_events",
        "recorded_at",
        "recorded_at, id, user_id, happened_at, action, metadata",
    )
    _index_activity()
    op.execute(
        """
        CREATE TABLE activity_event_ids AS
        SELECT event_id, recorded_at, id FROM old_activity_events WHERE event_id IS NOT NULL
        """
    )
    for column in ("event_id", "recorded_at", "id"):
        op.alter_column("activity_event_ids", column, nullable=False)
    op.create_primary_key("pk_activity_event_ids", "activity_event_ids", ["event_id"])
    op.drop_table("old_activity_events")


def _index_activity() -> None:
    op.create_primary_key("pk_activity_events", "activity_events", ["recorded_at", "id"])
    op.create_index(
        "ix_activity_events_user_id", "activity_events", ["user_id", "recorded_at", "id"]
    )
    op.create_check_constraint(
        op.f("ck_activity_events_action"),
        "activity_events",
        "action IN ('created', 'updated', 'deleted', 'viewed')",
    )


def downgrade() -> None:
    _downgrade_heartbeats()
    _downgrade_visits()
    _downgrade_activity()


def _downgrade_heartbeats() -> None:
    """Clients' ids stay as what is known of them: hashes."""
    for monday in _weeks("heartbeats", "event_time"):
        _make_week("observations", monday)
    op.execute(
        "INSERT INTO observations (store, observed_at, active)"
        " SELECT DISTINCT store, event_time, true FROM heartbeats"
    )
    _put_aside("heartbeats")
    op.create_table(
        "heartbeats",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("store", sa.Integer(), nullable=False),
        sa.Column("event_time", _INSTANT, nullable=False),
        sa.Column("beat_id", sa.Text(), nullable=True),
        sa.Column("received_at", _INSTANT, server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_heartbeats")),
    )
    op.execute(
        """
        INSERT INTO heartbeats (id, store, event_time, beat_id, received_at)
        OVERRIDING SYSTEM VALUE
        SELECT h.id, h.store, h.event_time, i.hash::text, h.event_time
        FROM old_heartbeats h LEFT JOIN beat_ids i ON i.heartbeat = h.id
        """
    )
    op.execute(
        "SELECT setval(pg_get_serial_sequence('heartbeats', 'id'), max(id))"
        " FROM heartbeats HAVING max(id) > 0"
    )
    op.create_index("ix_heartbeats_event_time", "heartbeats", ["event_time", "id"])
    op.create_index("ix_heartbeats_store", "heartbeats", ["store", "event_time", "id"])
    op.create_index(
        "uq_heartbeats_beat_id",
        "heartbeats",
        ["store", "beat_id"],
        unique=True,
        postgresql_where=sa.text("beat_id IS NOT NULL"),
    )
    op.drop_table("old_heartbeats")
    op.drop_table("beat_ids")
    op.execute("DROP SEQUENCE heartbeat_ids")


def _downgrade_visits() -> None:
    op.drop_table("visit_counts")
    op.drop_table("visit_counting")
    op.execute("CREATE TABLE flat_visits AS SELECT * FROM visits ORDER BY number")
    op.drop_table("visits")
    op.rename_table("flat_visits", "visits")
    for column in ("number", "bots_before", "visited_at", "bot", "user_id", "page_url"):
        op.alter_column("visits", column, nullable=False)
    op.create_primary_key("pk_visits", "visits", ["number"])
    op.create_index("ix_visits_visited_at", "visits", ["visited_at", "number"])


def _downgrade_activity() -> None:
    op.execute(
        """
        CREATE TABLE flat_events AS
        SELECT e.*, i.event_id FROM activity_events e
        LEFT JOIN activity_event_ids i USING (recorded_at, id) ORDER BY id
        """
    )
    op.drop_table("activity_events")
    op.drop_table("activity_event_ids")
    op.rename_table("flat_events", "activity_events")
    for column in ("recorded_at", "id", "user_id", "happened_at", "action", "metadata"):
        op.alter_column("activity_events", column, nullable=False)
    _index_activity()
    op.create_index(
        "uq_activity_events_event_id",
        "activity_events",
        ["event_id"],
        unique=True,
        postgresql_where=sa.text("event_id IS NOT NULL"),
    )
