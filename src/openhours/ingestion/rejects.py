"""Loaders of all kinds share these: counts, progress, and the writer of rejected rows."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any

import asyncpg

from openhours.ingestion.csv.reasons import Reason, Reject

# Takes the share of the work that is done, 0 to 1.
Progress = Callable[[float], Awaitable[None]]


@dataclass
class Counts:
    """Rows of one file; rows = loaded + unchanged + rejected.

    next_line: the line that bytes appended to the file would begin with; None if it cannot be
        continued
    """

    rows: int = 0
    loaded: int = 0
    rejected: int = 0
    next_line: int | None = None

    @property
    def unchanged(self) -> int:
        """Return how many rows were known before, or were replaced by a later line."""
        return self.rows - self.loaded - self.rejected


class RejectWriter:
    """Write rejected rows of an ingestion, by COPY, inside the transaction that loads its file."""

    def __init__(self, connection: "asyncpg.Connection[Any]", ingestion_pk: int) -> None:
        self._connection = connection
        self._ingestion_pk = ingestion_pk
        self.written = 0
        self.reasons: set[Reason] = set()

    async def copy_from(self, earlier_pk: int) -> None:
        """Add the rows that an earlier ingestion rejected to this one's."""
        done = await self._connection.execute(
            "INSERT INTO rejected_rows (ingestion, line, reason, raw)"
            " SELECT $1, line, reason, raw FROM rejected_rows WHERE ingestion = $2",
            self._ingestion_pk,
            earlier_pk,
        )
        self.written += int(done.split()[-1])

    async def write(self, rejects: Sequence[Reject]) -> None:
        """Add rejected rows."""
        if rejects:
            await self._connection.copy_records_to_table(
                "rejected_rows",
                records=[(self._ingestion_pk, line, str(why), raw) for line, why, raw in rejects],
                columns=("ingestion", "line", "reason", "raw"),
            )
            self.written += len(rejects)
            self.reasons.update(why for _, why, _ in rejects)
