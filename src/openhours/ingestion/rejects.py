"""What the loading of every kind of file shares: counts, progress, and the rows set aside."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any

import asyncpg

from openhours.ingestion.csv.reader import Reason, Reject

# Takes the share of the work that is done, 0 to 1.
Progress = Callable[[float], Awaitable[None]]


@dataclass
class Counts:
    """Of one file; what is neither loaded nor rejected is unchanged."""

    rows: int = 0
    loaded: int = 0
    rejected: int = 0


class RejectWriter:
    """Keeps rejected rows of an ingestion, inside the transaction that loads its file."""

    def __init__(self, connection: "asyncpg.Connection[Any]", ingestion: int) -> None:
        self._connection = connection
        self._ingestion = ingestion
        self.written = 0
        self.reasons: set[Reason] = set()

    async def take_over(self, earlier: int) -> None:
        """Keep the rows that an earlier ingestion rejected as this one's, too."""
        done = await self._connection.execute(
            "INSERT INTO rejected_rows (ingestion, line, reason, raw)"
            " SELECT $1, line, reason, raw FROM rejected_rows WHERE ingestion = $2",
            self._ingestion,
            earlier,
        )
        self.written += int(done.split()[-1])

    async def write(self, rejects: Sequence[Reject]) -> None:
        """Keep some more of them."""
        if rejects:
            await self._connection.copy_records_to_table(
                "rejected_rows",
                records=[(self._ingestion, line, str(why), raw) for line, why, raw in rejects],
                columns=("ingestion", "line", "reason", "raw"),
            )
            self.written += len(rejects)
            self.reasons.update(why for _, why, _ in rejects)
