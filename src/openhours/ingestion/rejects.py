"""Loaders of all kinds share these: counts, progress, and the writer of rejected rows."""

import json
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import asyncpg

from openhours.db import bulk
from openhours.ingestion.csv.reasons import Reason, Reject

# Of one file so many rejected rows are kept, so much of each; all are counted.
MAX_KEPT = 10_000
MAX_RAW_BYTES = 4096

# Takes the share of the work that is done, 0 to 1.
Progress = Callable[[float], Awaitable[None]]


@dataclass
class Counts:
    """Rows of one file; rows = loaded + unchanged + rejected.

    reasons: how many were rejected for each
    next_line: the line that bytes appended to the file would begin with; None if it cannot be
        continued
    warning: what a person should know of the file that was loaded
    polled: database ids of the stores of a status file
    """

    rows: int = 0
    loaded: int = 0
    reasons: Counter[str] = field(default_factory=Counter)
    next_line: int | None = None
    warning: str | None = None
    polled: list[int] | None = None

    @property
    def rejected(self) -> int:
        """Return how many rows were rejected."""
        return self.reasons.total()

    @property
    def unchanged(self) -> int:
        """Return how many rows were known before, or were replaced by a later line."""
        return self.rows - self.loaded - self.rejected


class RejectWriter:
    """Count rejected rows of an ingestion, and keep the first ones.

    They are written inside the transaction that loads the file.
    """

    def __init__(self, connection: "asyncpg.Connection[Any]", ingestion_pk: int) -> None:
        self._connection = connection
        self._ingestion_pk = ingestion_pk
        self._room = MAX_KEPT
        self.reasons: Counter[str] = Counter()

    async def copy_from(self, earlier_pk: int) -> None:
        """Add the rows that an earlier ingestion rejected to this one's."""
        done = await self._connection.execute(
            """
            INSERT INTO rejected_rows (ingestion, line, reason, raw)
            SELECT $1, line, reason, raw FROM rejected_rows WHERE ingestion = $2
            ORDER BY line LIMIT $3
            """,
            self._ingestion_pk,
            earlier_pk,
            self._room,
        )
        self._room -= int(done.split()[-1])
        reasons = await self._connection.fetchval(
            "SELECT rejected_by_reason FROM ingestions WHERE id = $1", earlier_pk
        )
        self.reasons.update(json.loads(reasons or "{}"))

    async def write(self, rejects: Sequence[Reject]) -> None:
        """Add rejected rows."""
        self.reasons.update(str(why) for _, why, _ in rejects)
        kept = rejects[: self._room]
        if kept:
            await bulk.copy_records_in(
                self._connection,
                "rejected_rows",
                ("ingestion", "line", "reason", "raw"),
                [
                    (self._ingestion_pk, line, str(why), raw[:MAX_RAW_BYTES])
                    for line, why, raw in kept
                ],
            )
            self._room -= len(kept)

    async def take(self, reason: Reason, query: str) -> None:
        """Add the rows `line, raw` of a query, rejected for one reason."""
        rejected, kept = await self._connection.fetchrow(
            f"""
            WITH rejected AS ({query}), kept AS (
                INSERT INTO rejected_rows (ingestion, line, reason, raw)
                SELECT $1, line, $2, raw FROM rejected ORDER BY line LIMIT $3 RETURNING line)
            SELECT (SELECT count(*) FROM rejected), (SELECT count(*) FROM kept)
            """,  # noqa: S608  our own query
            self._ingestion_pk,
            str(reason),
            self._room,
        )
        if rejected:
            self._room -= kept
            self.reasons[str(reason)] += rejected
