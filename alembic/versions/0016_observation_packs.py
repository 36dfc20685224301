"""Polls packed by day and block of stores; days that have rows are packed by a worker.

Revision: 0016, after 0015
"""

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "observation_days",
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("packed", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("day", name=op.f("pk_observation_days")),
    )
    op.create_table(
        "observation_packs",
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("block", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("polls", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("day", "block", name=op.f("pk_observation_packs")),
    )
    # It would try in vain to compress them.
    op.execute("ALTER TABLE observation_packs ALTER COLUMN polls SET STORAGE EXTERNAL")
    op.execute(
        """
        INSERT INTO observation_days (day, packed)
        SELECT (day AT TIME ZONE 'UTC')::date, false
        FROM (SELECT date_trunc('day', min(observed_at), 'UTC') AS first, max(observed_at) AS last
              FROM observations) o,
            generate_series(first, last, interval '24 hours') AS day
        WHERE EXISTS (SELECT FROM observations
                      WHERE observed_at >= day AND observed_at < day + interval '24 hours')
        """
    )
    # Loading files writes to the tables of weeks, and keeps the packs. Whatever else is written by
    # the name of the whole table makes reports read rows.
    op.execute(
        """
        CREATE FUNCTION unpack_observations() RETURNS trigger LANGUAGE plpgsql AS
        $$ BEGIN UPDATE observation_days SET packed = false WHERE packed; RETURN NULL; END $$;
        """
    )
    op.execute(
        """
        CREATE TRIGGER unpack AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON observations
        FOR EACH STATEMENT EXECUTE FUNCTION unpack_observations()
        """
    )


def downgrade() -> None:
    op.execute("DROP TRIGGER unpack ON observations")
    op.execute("DROP FUNCTION unpack_observations()")
    op.drop_table("observation_packs")
    op.drop_table("observation_days")
