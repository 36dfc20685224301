"""Which revision a database's schema has, and which ones this version knows."""

from sqlalchemy import Connection
from sqlalchemy.ext.asyncio import AsyncConnection

from openhours.db.engine import alembic_dir


async def current_revision(connection: AsyncConnection) -> str | None:
    """Return the revision of the database's schema; None if it has no tables of ours."""
    return await connection.run_sync(_current)


def _current(connection: Connection) -> str | None:
    from alembic.migration import MigrationContext  # noqa: PLC0415

    return MigrationContext.configure(connection).get_current_revision()


def known_revisions() -> set[str]:
    """Return the revisions from which this version can migrate to its own."""
    from alembic.script import ScriptDirectory  # noqa: PLC0415

    return {script.revision for script in ScriptDirectory(str(alembic_dir())).walk_revisions()}
