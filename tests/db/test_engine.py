"""The schema, transactions around the raw connection, and bulk transfer."""

import asyncio
from collections.abc import Awaitable, Callable

import numpy as np
import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from sqlalchemy import Connection, select, text
from sqlalchemy.ext.asyncio import AsyncEngine

from openhours import app as _all_packages  # noqa: F401  fills the metadata
from openhours.db import bulk
from openhours.db import engine as engine_module
from openhours.db.engine import (
    Base,
    alembic_dir,
    async_url,
    make_engine,
    migrate,
    plain_url,
    raw_connection,
)
from openhours.db.queue import enqueue
from openhours.db.weekly import week_of
from openhours.reports.tables import Report, ReportRow
from openhours.stores.tables import OBSERVATIONS
from openhours.uptime.windows import DEFAULT_WINDOWS


def run(url: str, work: Callable[[AsyncEngine], Awaitable[None]]) -> None:
    async def main() -> None:
        engine = make_engine(url)
        try:
            await work(engine)
        finally:
            await engine.dispose()

    asyncio.run(main())


def test_migrations_make_the_schema_that_the_tables_describe(database_url: str) -> None:
    def differences(connection: Connection) -> list[object]:
        options = {
            "include_name": lambda name, kind, _: kind != "table" or name in Base.metadata.tables
        }
        return list(
            compare_metadata(MigrationContext.configure(connection, opts=options), Base.metadata)
        )

    async def work(engine: AsyncEngine) -> None:
        async with engine.connect() as connection:
            assert await connection.run_sync(differences) == []

    run(database_url, work)


def test_every_table_that_migrations_make_has_a_model(database_url: str) -> None:
    async def work(engine: AsyncEngine) -> None:
        async with engine.connect() as connection:
            made = await connection.scalars(
                text(
                    """
                    SELECT relname FROM pg_class
                    WHERE relkind IN ('r', 'p') AND NOT relispartition
                      AND relnamespace = current_schema()::regnamespace
                      AND relname NOT LIKE 'pgqueuer%' AND relname <> 'alembic_version'
                    """
                )
            )
            assert set(made) == Base.metadata.tables.keys()

    run(database_url, work)


@pytest.mark.slow
def test_processes_that_start_together_migrate_once(database_url: str) -> None:
    async def work(engine: AsyncEngine) -> None:
        async with engine.begin() as connection:
            await connection.execute(text("DROP SCHEMA public CASCADE"))
            await connection.execute(text("CREATE SCHEMA public"))
        await asyncio.gather(*(migrate(engine) for _ in range(4)))

    run(database_url, work)


def move(connection: Connection, revision: str) -> None:
    config = Config()
    config.set_main_option("script_location", str(alembic_dir()))
    config.attributes["connection"] = connection
    go = command.upgrade if revision == "head" else command.downgrade
    go(config, revision)


def test_a_schema_that_is_the_newest_is_left_without_loading_alembic(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_: Connection) -> None:
        pytest.fail("Alembic was asked")

    monkeypatch.setattr(engine_module, "_upgrade", refuse)
    run(database_url, migrate)


@pytest.mark.slow
def test_observations_of_an_older_version_keep_their_rows_and_get_the_new_key(
    database_url: str,
) -> None:
    key = (
        "SELECT pg_get_constraintdef(oid) FROM pg_constraint"
        " WHERE contype = 'p' AND conrelid = 'observations_20240226'::regclass"
    )

    async def work(engine: AsyncEngine) -> None:
        async with engine.begin() as connection:
            raw = await raw_connection(connection)
            await OBSERVATIONS.ensure(raw, week_of(1_709_000_000_000_000))
            await raw.execute("INSERT INTO observations VALUES (1, '2024-02-27 01:00Z', true)")
        for revision, columns in (("0007", "store, observed_at"), ("head", "observed_at, store")):
            async with engine.begin() as connection:
                await connection.run_sync(move, revision)
                assert await connection.scalar(text(key)) == f"PRIMARY KEY ({columns})"
                assert await connection.scalar(text("SELECT count(*) FROM observations")) == 1

    run(database_url, work)


@pytest.mark.slow
def test_reports_of_an_older_version_keep_their_figures(database_url: str) -> None:
    async def work(engine: AsyncEngine) -> None:
        async with engine.begin() as connection:
            await connection.run_sync(move, "0013")
            await connection.execute(
                text(
                    "INSERT INTO reports (report_id, as_of_beating, interpolation, lookback_days,"
                    " heartbeat_expiry_seconds, observed_within_minutes, default_timezone)"
                    " VALUES ('old', now(), 'nearest', 14, 150, 60, 'Asia/Kolkata')"
                )
            )
            await connection.execute(
                text(
                    "INSERT INTO report_rows"
                    " SELECT id, 7, true, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12 FROM reports"
                )
            )
        for _ in range(2):  # and again after a way back
            async with engine.begin() as connection:
                await connection.run_sync(move, "head")
                row = (await connection.execute(select(*ReportRow.__table__.columns))).one()
                assert row[1:] == (
                    7,
                    True,
                    [1, 2, 3],
                    [4, 5, 6],
                    [7, 8, 9],
                    None,
                    0,
                    *[None] * 8,
                )
                report = (await connection.execute(select(*Report.__table__.columns))).one()
                assert report.windows == [list(window) for window in DEFAULT_WINDOWS]
                assert report.calendar_timezone == "Asia/Kolkata"
                assert report.zones == ["Asia/Kolkata"]
                await connection.run_sync(move, "0013")

    run(database_url, work)


def test_reports_of_local_dates_get_the_zones_that_their_stores_have(database_url: str) -> None:
    zones = "SELECT zones[zone + 1] FROM report_rows w JOIN reports r ON r.id = w.report ORDER BY 1"

    async def work(engine: AsyncEngine) -> None:
        async with engine.begin() as connection:
            await connection.run_sync(move, "0017")
            for statement in (
                "INSERT INTO stores (store_id, timezone) VALUES ('a', 'Asia/Tokyo'), ('b', NULL)",
                "INSERT INTO reports (report_id, as_of_beating, interpolation, lookback_days,"
                " heartbeat_expiry_seconds, observed_within_minutes, default_timezone, windows,"
                " calendar_timezone) VALUES ('old', now(), 'nearest', 14, 150, 60, 'Asia/Kolkata',"
                """ '[["today", "dates", 19000, 19001]]', 'UTC')""",
                "INSERT INTO report_rows (report, store, known, open, up, observed, up_observed)"
                " SELECT r.id, s.id, true, '{1}', '{1}', '{1}', '{1}' FROM reports r, stores s",
            ):
                await connection.exec_driver_sql(statement)
            await connection.run_sync(move, "head")
            found = await connection.scalars(text(zones))
            assert found.all() == ["Asia/Kolkata", "Asia/Tokyo"]

    run(database_url, work)


def test_a_job_is_queued_if_and_only_if_the_transaction_commits(database_url: str) -> None:
    async def work(engine: AsyncEngine) -> None:
        async with engine.connect() as connection:
            await connection.begin()
            # No statement went before: SQLAlchemy has not sent BEGIN yet.
            await enqueue(connection, "report", "1")
            await connection.rollback()
            assert await connection.scalar(text("SELECT count(*) FROM pgqueuer")) == 0
        async with engine.begin() as connection:
            await enqueue(connection, "report", "1", once="one")
            await enqueue(connection, "report", "1", once="one")
        async with engine.connect() as connection:
            assert await connection.scalar(text("SELECT count(*) FROM pgqueuer")) == 1

    run(database_url, work)


def test_what_is_copied_on_the_raw_connection_is_rolled_back_with_the_rest(
    database_url: str,
) -> None:
    async def work(engine: AsyncEngine) -> None:
        async with engine.connect() as connection:
            await connection.begin()
            raw = await raw_connection(connection)
            await raw.execute("INSERT INTO stores (store_id) VALUES ('x')")
            await connection.rollback()
            assert await connection.scalar(text("SELECT count(*) FROM stores")) == 0

    run(database_url, work)


def test_bulk_columns_come_back_as_they_went(database_url: str) -> None:
    types = {"a": "int2", "b": "int4", "c": "int8", "d": "bool", "e": "timestamptz", "f": "date"}
    rows = {
        "a": np.array([-1, 1, 2, 32767]),
        "b": np.array([-(2**31), 2**31 - 1, 0, 1]),
        "c": np.array([-(2**63), 2**63 - 1, 0, 1]),
        "d": np.array([True, False, True, False]),
        "e": np.array([-1, 1_674_684_802_479_220, bulk.BEFORE_ALL, bulk.AFTER_ALL]),
        "f": np.array([bulk.MINUS_INFINITY, 19_382, 0, 1]),
    }

    async def work(engine: AsyncEngine) -> None:
        async with engine.begin() as connection:
            raw = await raw_connection(connection)
            definition = ", ".join(f"{name} {kind}" for name, kind in types.items())
            await raw.execute(f"CREATE TABLE t ({definition})")
            await bulk.copy_in(raw, "t", types, rows)
            back = await bulk.copy_out(raw, "SELECT * FROM t ORDER BY a", types)
            assert {name: column.tolist() for name, column in back.items()} == {
                name: column.tolist() for name, column in rows.items()
            }
            shown = await raw.fetchval("SELECT (e AT TIME ZONE 'UTC')::text FROM t WHERE a = 1")
            assert shown == "2023-01-25 22:13:22.47922"
            instants = await raw.fetch("SELECT e::text FROM t WHERE NOT isfinite(e) ORDER BY e")
            assert [row[0] for row in instants] == ["-infinity", "infinity"]
            dates = await raw.fetch("SELECT f::text FROM t WHERE f <> '1970-01-01' ORDER BY f")
            assert [row[0] for row in dates] == ["-infinity", "1970-01-02", "2023-01-25"]
            await raw.execute("UPDATE t SET b = NULL")
            with pytest.raises(ValueError, match="null"):
                await bulk.copy_out(raw, "SELECT * FROM t", types)

    run(database_url, work)


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://u:p%40ss@db.example:5433/name?sslmode=require",
        "postgres://u:p%40ss@db.example:5433/name?sslmode=require",
        "postgresql+asyncpg://u:p%40ss@db.example:5433/name?sslmode=require",
    ],
)
def test_every_spelling_of_a_url_is_understood(url: str) -> None:
    if url.startswith("postgres://"):
        url = url.replace("postgres://", "postgresql://")
    made = async_url(url)
    assert made.drivername == "postgresql+asyncpg"
    assert (made.password, made.port, made.query) == ("p@ss", 5433, {"ssl": "require"})
    assert plain_url(url) == "postgresql://u:p%40ss@db.example:5433/name?sslmode=require"


def test_another_database_than_postgresql_is_refused() -> None:
    with pytest.raises(ValueError, match="DATABASE_URL must begin with postgresql://"):
        async_url("sqlite:///x.db")
