"""A report keeps the time zones of its stores: where its windows began and ended.

Revision: 0018, after 0017
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None

# Elapsed time begins at the same instant in all zones: one is enough, and no row is touched.
_ONE_ZONE = "UPDATE reports SET zones = ARRAY[default_timezone]"
# Of reports of local dates, the zones that their stores have now: no others are known.
_ZONES = """
UPDATE reports r SET zones = found.zones FROM (
    SELECT r.id, array_agg(DISTINCT coalesce(s.timezone, r.default_timezone)) AS zones
    FROM reports r JOIN report_rows w ON w.report = r.id JOIN stores s ON s.id = w.store
    WHERE jsonb_path_exists(r.windows, '$[*][1] ? (@ == "dates")')
    GROUP BY r.id) found
WHERE found.id = r.id
"""
_ROWS = """
UPDATE report_rows w
SET zone = array_position(r.zones, coalesce(s.timezone, r.default_timezone)) - 1
FROM reports r, stores s
WHERE r.id = w.report AND s.id = w.store AND cardinality(r.zones) > 1
"""


def upgrade() -> None:
    op.add_column(
        "reports",
        sa.Column("zones", postgresql.ARRAY(sa.Text()), nullable=False, server_default="{}"),
    )
    op.add_column(
        "report_rows", sa.Column("zone", sa.SmallInteger(), nullable=False, server_default="0")
    )
    for statement in (_ONE_ZONE, _ZONES, _ROWS):
        op.execute(statement)


def downgrade() -> None:
    op.drop_column("report_rows", "zone")
    op.drop_column("reports", "zones")
