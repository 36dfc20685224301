"""Reports keep how many of their stores were up, down and so on: pages need not read all rows.

Revision: 0035, after 0034
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0035"
down_revision = "0034"
branch_labels = None
depends_on = None

_BINS = ", ".join(
    f"count(*) FILTER (WHERE known AND open > 0 AND 20 * up / open = {place})"
    for place in range(21)
)
# As `uptime.tallies` has them.
_OF_WINDOW = f"""jsonb_build_array(
    count(*) FILTER (WHERE known AND open > 0 AND up = open),
    count(*) FILTER (WHERE known AND up > 0 AND up < open),
    count(*) FILTER (WHERE known AND up = 0 AND open > 0),
    count(*) FILTER (WHERE known AND open = 0),
    count(*) FILTER (WHERE NOT known),
    coalesce(sum(open) FILTER (WHERE known), 0),
    coalesce(sum(up) FILTER (WHERE known), 0),
    coalesce(sum(open), 0),
    coalesce(sum(observed), 0),
    {_BINS})"""
_OF_REPORT = f"""
SELECT jsonb_object_agg(feed, windows) FROM (
    SELECT feed, jsonb_agg(of_window ORDER BY n) AS windows FROM (
        SELECT feed, n, {_OF_WINDOW} AS of_window FROM (
            SELECT coalesce(s.feed, 'polled') AS feed, n, known,
                   open[n] AS open, up[n] AS up, observed[n] AS observed
            FROM report_rows r LEFT JOIN stores s ON s.id = r.store,
                 generate_subscripts(r.open, 1) n
            WHERE r.report = reports.id
            OFFSET 0  -- each element of an array is read once
        ) AS elements GROUP BY feed, n
    ) AS of_windows GROUP BY feed
) AS of_feeds
"""  # noqa: S608  constant texts
_FILL = f"UPDATE reports SET tallies = coalesce(({_OF_REPORT}), '{{}}') WHERE state = 'complete'"  # noqa: S608


def upgrade() -> None:
    op.add_column("reports", sa.Column("tallies", postgresql.JSONB()))
    op.execute(_FILL)


def downgrade() -> None:
    op.drop_column("reports", "tallies")
