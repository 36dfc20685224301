"""The targets of stores: their label `target`, else the report's own."""

from dataclasses import dataclass
from typing import Any

import asyncpg
import numpy as np

from openhours.reports.tables import Report
from openhours.stores.labels import read_targets
from openhours.uptime.axis import Int64
from openhours.uptime.intervals.verdicts import NO_TARGET


@dataclass(frozen=True)
class Targets:
    """Stores that have one of their own, by database id, ascending, and `default`, of the others.

    They are in hundredths of a percent; NO_TARGET: none.
    """

    store: Int64
    target: Int64
    default: int

    @property
    def any(self) -> bool:
        """Return whether any store has one."""
        return self.default != NO_TARGET or len(self.store) > 0

    def between(self, first: int, last: int) -> "Targets":
        """Return those of the stores `first` to `last`."""
        begin, end = np.searchsorted(self.store, (first, last + 1))
        return Targets(self.store[begin:end], self.target[begin:end], self.default)

    def of(self, store_pks: Int64) -> Int64:
        """Return the target of each store; their ids are ascending."""
        found = np.full(len(store_pks), self.default, np.int64)
        labelled = np.isin(self.store, store_pks)
        found[np.searchsorted(store_pks, self.store[labelled])] = self.target[labelled]
        return found


async def find_targets(connection: "asyncpg.Connection[Any]", report: Report) -> Targets:
    """Return the targets of all stores, in the snapshot of the connection's transaction."""
    default = NO_TARGET if report.target is None else report.target
    return Targets(*await read_targets(connection), default)
