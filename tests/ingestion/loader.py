"""Loads files without a server, by the functions that a worker calls."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TypeVar

import asyncpg
from sqlalchemy.ext.asyncio import AsyncEngine

from openhours.ingestion.csv.kinds import Kind
from openhours.ingestion.job import run_ingestion
from openhours.ingestion.write import Added, add_ingestion
from openhours.process_pool import Processes
from openhours.settings import Settings
from tests.helpers.database import on_engine

T = TypeVar("T")


class Loader:
    """Runs ingestions of one database, in a child process as a worker does."""

    def __init__(self, settings: Settings, processes: Processes) -> None:
        assert settings.database_url is not None
        self.settings = settings
        self.processes = processes
        self.url = settings.database_url.get_secret_value()
        self.place = settings.data_dir.parent

    def with_engine(self, work: Callable[[AsyncEngine], Awaitable[T]]) -> T:
        """Return the result of `work`, with an engine of its own."""
        return on_engine(self.url, work)

    def add(self, path: Path, *, kind: Kind | None = None, uploaded: bool = False) -> Added:
        """Queue a file."""

        async def work(engine: AsyncEngine) -> Added:
            async with engine.begin() as connection:
                return await add_ingestion(
                    connection, self.settings, path, name=path.name, kind=kind, uploaded=uploaded
                )

        return self.with_engine(work)

    def run(self, pk: int) -> asyncpg.Record:
        """Run an ingestion; return its row."""
        self.with_engine(
            lambda engine: run_ingestion(engine, self.processes, self.url, self.settings, pk)
        )
        [row] = self.fetch(f"SELECT * FROM ingestions WHERE id = {pk}")
        return row

    def load(self, text: str, name: str = "polls.csv") -> tuple[int, int, int, int]:
        """Write the file, load it; return rows, loaded, unchanged, rejected."""
        path = self.place / name
        path.write_text(text)
        row = self.run(self.add(path).pk)
        assert row["state"] == "complete", row["error"]
        return row["rows"], row["loaded"], row["unchanged"], row["rejected"]

    def fetch(self, query: str) -> list[asyncpg.Record]:
        """Return the rows of a query."""

        async def ask() -> list[asyncpg.Record]:
            connection = await asyncpg.connect(self.url)
            try:
                return list(await connection.fetch(query))
            finally:
                await connection.close()

        return asyncio.run(ask())

    def stored(self) -> set[tuple[str, str, bool]]:
        """Return all observations."""
        query = "SELECT store_id, observed_at, active FROM observations JOIN stores ON id = store"
        return {(row[0], row[1].isoformat(), row[2]) for row in self.fetch(query)}

    def rejected(self, pk: int) -> list[tuple[int, str]]:
        """Return lines and reasons of an ingestion's rejected rows."""
        query = f"SELECT line, reason FROM rejected_rows WHERE ingestion = {pk} ORDER BY line"
        return [(row["line"], row["reason"]) for row in self.fetch(query)]

    def empty(self) -> None:
        """Delete all that files brought."""
        tables = (
            "observations, stores, business_hours, special_hours, feed_clocks, ingestions,"
            " rejected_rows, labels"
        )
        self.fetch(f"TRUNCATE {tables} CASCADE")
