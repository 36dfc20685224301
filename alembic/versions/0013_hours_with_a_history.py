"""Business hours with a history, special hours, and the kinds of files for these and labels.

Revision: 0013, after 0012
"""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

_KIND = "ck_ingestions_kind"


def upgrade() -> None:
    op.add_column(
        "business_hours",
        sa.Column("valid_from", sa.Date(), server_default=sa.text("'-infinity'"), nullable=False),
    )
    op.drop_constraint("pk_business_hours", "business_hours")
    op.create_primary_key(
        "pk_business_hours", "business_hours", ["store", "day", "opens", "closes", "valid_from"]
    )
    op.create_table(
        "special_hours",
        sa.Column("store", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("date", sa.Date(), nullable=False),
        sa.Column("opens", sa.BigInteger(), nullable=False),
        sa.Column("closes", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("store", "date", "opens", "closes", name=op.f("pk_special_hours")),
    )
    op.drop_constraint(_KIND, "ingestions")
    op.create_check_constraint(
        op.f(_KIND),
        "ingestions",
        "kind IN ('status', 'hours', 'timezones', 'special_hours', 'labels')",
    )


def downgrade() -> None:
    op.execute("DELETE FROM ingestions WHERE kind IN ('special_hours', 'labels')")
    op.drop_constraint(_KIND, "ingestions")
    op.create_check_constraint(
        op.f(_KIND), "ingestions", "kind IN ('status', 'hours', 'timezones')"
    )
    op.drop_table("special_hours")
    # What is left are hours as they are without a history: those that have always been valid.
    op.execute("DELETE FROM business_hours WHERE valid_from <> '-infinity' OR opens < 0")
    op.drop_constraint("pk_business_hours", "business_hours")
    op.drop_column("business_hours", "valid_from")
    op.create_primary_key(
        "pk_business_hours", "business_hours", ["store", "day", "opens", "closes"]
    )
