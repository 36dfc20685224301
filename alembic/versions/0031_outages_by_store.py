"""Reports keep a row of outages for each store, not for each outage: it is written much faster.

Revision: 0031, after 0030
"""

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql
from sqlalchemy.types import TypeEngine

revision = "0031"
down_revision = "0030"
branch_labels = None
depends_on = None

_OLD = "report_outages_before"
_INSTANT = postgresql.TIMESTAMP(timezone=True)
_COLUMNS: dict[str, TypeEngine[Any]] = {
    "began_at": _INSTANT,
    "ended_at": _INSTANT,
    "began_earliest": _INSTANT,
    "ended_latest": _INSTANT,
    "downtime": sa.BigInteger(),
    "observations": sa.Integer(),
    "ongoing": sa.Boolean(),
}


def upgrade() -> None:
    _make({name: postgresql.ARRAY(of) for name, of in _COLUMNS.items()}, ["report", "store"])
    _fill("array_agg({} ORDER BY began_at)", "GROUP BY report, store")


def downgrade() -> None:
    _make(_COLUMNS, ["report", "store", "began_at"])
    _fill("unnest({})", "")


def _make(columns: dict[str, TypeEngine[Any]], key: list[str]) -> None:
    """Make the table anew; the one that there was is called `_OLD`."""
    op.rename_table("report_outages", _OLD)
    op.execute(f"ALTER TABLE {_OLD} DROP CONSTRAINT pk_report_outages")
    op.create_table(
        "report_outages",
        sa.Column("report", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("store", sa.Integer(), autoincrement=False, nullable=False),
        *(sa.Column(name, of, nullable=False) for name, of in columns.items()),
        sa.PrimaryKeyConstraint(*key, name=op.f("pk_report_outages")),
    )


def _fill(each: str, group: str) -> None:
    columns = ", ".join(each.format(name) for name in _COLUMNS)
    op.execute(
        f"INSERT INTO report_outages SELECT report, store, {columns} FROM {_OLD} {group}"  # noqa: S608
    )
    op.drop_table(_OLD)
