"""A report sums up any windows: its rows hold an element for each, where they had columns.

Revision: 0014, after 0013
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None

_SUMS = ("open", "up", "observed", "up_observed")
_WINDOWS = ("hour", "day", "week")
_DEFAULT = (
    '[["last_hour", "elapsed", -3600000000, 0], ["last_day", "elapsed", -86400000000, 0],'
    ' ["last_week", "elapsed", -604800000000, 0]]'
)


def upgrade() -> None:
    op.add_column(
        "reports",
        sa.Column("windows", postgresql.JSONB(), nullable=False, server_default=_DEFAULT),
    )
    op.alter_column("reports", "windows", server_default=None)
    op.add_column("reports", sa.Column("calendar_timezone", sa.Text()))
    op.execute("UPDATE reports SET calendar_timezone = default_timezone")
    op.alter_column("reports", "calendar_timezone", nullable=False)
    op.execute(
        "CREATE TABLE report_rows_of_windows (report int8 NOT NULL, store int4 NOT NULL,"
        f" known bool NOT NULL, {', '.join(f'{name} int8[] NOT NULL' for name in _SUMS)})"
    )
    arrays = (f"ARRAY[{', '.join(f'{name}_{window}' for window in _WINDOWS)}]" for name in _SUMS)
    op.execute(
        "INSERT INTO report_rows_of_windows"  # noqa: S608  fixed names
        f" SELECT report, store, known, {', '.join(arrays)} FROM report_rows"
        " ORDER BY report, store"
    )
    op.execute("DROP TABLE report_rows")
    op.execute("ALTER TABLE report_rows_of_windows RENAME TO report_rows")
    op.execute(
        "ALTER TABLE report_rows ADD CONSTRAINT report_rows_pkey PRIMARY KEY (report, store)"
    )


def downgrade() -> None:
    # Reports of other windows have no place in the columns.
    op.execute(f"DELETE FROM reports WHERE windows <> '{_DEFAULT}'::jsonb")  # noqa: S608
    columns = [f"{name}_{window}" for name in _SUMS for window in _WINDOWS]
    elements = [f"{name}[{n}]" for name in _SUMS for n in range(1, len(_WINDOWS) + 1)]
    op.execute(
        "CREATE TABLE report_rows_of_columns (report int8 NOT NULL, store int4 NOT NULL,"
        f" known bool NOT NULL, {', '.join(f'{name} int8 NOT NULL' for name in columns)})"
    )
    op.execute(
        "INSERT INTO report_rows_of_columns"  # noqa: S608  fixed names
        f" SELECT report, store, known, {', '.join(elements)} FROM report_rows"
        " WHERE report IN (SELECT id FROM reports)"
    )
    op.execute("DROP TABLE report_rows")
    op.execute("ALTER TABLE report_rows_of_columns RENAME TO report_rows")
    op.execute(
        "ALTER TABLE report_rows ADD CONSTRAINT report_rows_pkey PRIMARY KEY (report, store)"
    )
    op.drop_column("reports", "calendar_timezone")
    op.drop_column("reports", "windows")
