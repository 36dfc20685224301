"""What the loading of every kind of file shares: counts, progress, and the rows set aside."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any

import asyncpg

from openhours.stores.csv_files import Reject

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

    async def write(self, rejects: Sequence[Reject]) -> None:
        """Keep some more of them."""
        if rejects:
            await self._connection.copy_records_to_table(
                "rejected_rows",
                records=[(self._ingestion, line, str(why), raw) for line, why, raw in rejects],
                columns=("ingestion", "line", "reason", "raw"),
            )
            self.written += len(rejects)
