"""Alembic's entry: migrates over the connection it is given, or over one of its own."""

import asyncio

from alembic import context
from sqlalchemy import Connection

from openhours.accounts import tables as accounts
from openhours.activity import tables as activity
from openhours.db import counters, deliveries
from openhours.db.engine import Base, make_engine
from openhours.delivery import tables as delivery
from openhours.heartbeats import tables as heartbeats
from openhours.ingestion import tables as ingestion
from openhours.reports import tables as reports
from openhours.settings import get_settings
from openhours.stores import tables as stores
from openhours.visits import tables as visits
from openhours.work_sessions import tables as work_sessions

# Importing them has filled the metadata.
TABLES = (
    counters,
    deliveries,
    stores,
    ingestion,
    reports,
    delivery,
    heartbeats,
    visits,
    activity,
    accounts,
    work_sessions,
)


def run(connection: Connection) -> None:
    context.configure(
        connection=connection,
        target_metadata=Base.metadata,
        # Partitions are made by ingestion, the queue's tables belong to PgQueuer.
        include_name=lambda name, kind, _parents: (
            kind != "table" or not name or name in Base.metadata.tables
        ),
    )
    with context.begin_transaction():
        context.run_migrations()


async def run_alone() -> None:
    url = get_settings().database_url
    if url is None:
        raise SystemExit("alembic: set DATABASE_URL (the embedded server migrates by itself)")
    engine = make_engine(url.get_secret_value())
    async with engine.begin() as connection:
        await connection.run_sync(run)
    await engine.dispose()


given: Connection | None = context.config.attributes.get("connection")
if given is not None:
    run(given)
else:
    asyncio.run(run_alone())
