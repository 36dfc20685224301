"""No index on the store of observations; statements by hand mark only the days that they change.

Revision: 0038, after 0037
"""

from alembic import op

revision = "0038"
down_revision = "0037"
branch_labels = None
depends_on = None

_CHANGES = {
    "INSERT": "NEW TABLE AS changed",
    "UPDATE": "OLD TABLE AS before NEW TABLE AS changed",
    "DELETE": "OLD TABLE AS changed",
}

# A mark that is there already is locked, but not written again: a transaction may be thousands of
# statements.
_UNPACK = """
CREATE FUNCTION unpack_days() RETURNS trigger LANGUAGE plpgsql AS
$$ DECLARE days date[];
BEGIN
    SELECT array_agg(DISTINCT (observed_at AT TIME ZONE 'UTC')::date) INTO days FROM changed;
    IF TG_OP = 'UPDATE' THEN
        SELECT days || array_agg(DISTINCT (observed_at AT TIME ZONE 'UTC')::date) INTO days
        FROM before;
    END IF;
    INSERT INTO observation_days AS d (day, packed)
    SELECT DISTINCT day, false FROM unnest(days) AS day ORDER BY day
    ON CONFLICT (day) DO UPDATE SET packed = false WHERE d.packed;
    RETURN NULL;
END $$;
"""

# Those of rows that were inserted by hand: the trigger so far made no marks of days.
_DAYS = """
INSERT INTO observation_days (day, packed)
WITH RECURSIVE days AS (
    SELECT date_trunc('day', min(observed_at), 'UTC') AS day FROM observations
    UNION ALL
    SELECT (SELECT date_trunc('day', min(observed_at), 'UTC') FROM observations
            WHERE observed_at >= days.day + interval '24 hours')
    FROM days WHERE days.day IS NOT NULL
)
SELECT (day AT TIME ZONE 'UTC')::date, false FROM days WHERE day IS NOT NULL
ON CONFLICT DO NOTHING
"""


def upgrade() -> None:
    # Else a row that is being inserted meanwhile would be in no day that is known.
    op.execute("LOCK TABLE observations IN ACCESS EXCLUSIVE MODE")
    op.execute(_DAYS)
    op.execute(_UNPACK)
    op.execute("DROP TRIGGER unpack ON observations")
    for change, rows in _CHANGES.items():
        op.execute(
            f"""
            CREATE TRIGGER unpack_{change.lower()} AFTER {change} ON observations
            REFERENCING {rows}
            FOR EACH STATEMENT EXECUTE FUNCTION unpack_days()
            """
        )
    op.execute(
        """
        CREATE TRIGGER unpack_truncate AFTER TRUNCATE ON observations
        FOR EACH STATEMENT EXECUTE FUNCTION unpack_observations()
        """
    )
    op.drop_index("ix_observations_store", "observations")


def downgrade() -> None:
    op.create_index("ix_observations_store", "observations", ["store"])
    for change in _CHANGES:
        op.execute(f"DROP TRIGGER unpack_{change.lower()} ON observations")
    op.execute("DROP TRIGGER unpack_truncate ON observations")
    op.execute("DROP FUNCTION unpack_days()")
    op.execute(
        """
        CREATE TRIGGER unpack AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON observations
        FOR EACH STATEMENT EXECUTE FUNCTION unpack_observations()
        """
    )
