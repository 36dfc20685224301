"""How many rows of a file were rejected for each reason, and a warning about a file.

Rejected rows themselves are kept only in part, and not for ever.

Revision: 0010, after 0009
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("ingestions", sa.Column("rejected_by_reason", postgresql.JSONB()))
    op.add_column("ingestions", sa.Column("warning", sa.Text()))
    op.execute(
        """
        UPDATE ingestions i SET rejected_by_reason = counted.reasons
        FROM (SELECT ingestion, jsonb_object_agg(reason, rows) AS reasons
              FROM (SELECT ingestion, reason, count(*) AS rows
                    FROM rejected_rows GROUP BY ingestion, reason) grouped
              GROUP BY ingestion) counted
        WHERE counted.ingestion = i.id
        """
    )


def downgrade() -> None:
    op.drop_column("ingestions", "warning")
    op.drop_column("ingestions", "rejected_by_reason")
