"""Status files: polls of stores."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from openhours.ingestion.csv import checks
from openhours.ingestion.csv.batches import Batch, read_batches
from openhours.ingestion.csv.kinds import find_columns
from openhours.ingestion.csv.reasons import Reject
from openhours.ingestion.csv.source import Position, Source


@dataclass(frozen=True, slots=True)
class StatusBlock:
    """Polls: for row i, store `store_ids[store[i]]` was active or not at `at[i]`.

    rows: good and rejected ones; a blank line is no row
    store_ids: distinct, each with at least one good row here
    store, at, active: one value a good row; `at` in µs since 1970 UTC
    rejects: by line
    settled: where reading of a file that grew may go on, see `Batch`
    """

    rows: int
    store_ids: pa.StringArray
    store: NDArray[np.int32]
    at: NDArray[np.int64]
    active: NDArray[np.bool_]
    rejects: list[Reject]
    settled: Position


def read_status(source: Source, now: int) -> Iterator[StatusBlock]:
    """Return the polls of a status file in blocks, in the file's order; `now` in µs since 1970 UTC.

    Raise FileRefused: at once if columns are missing, while reading if the file is damaged.
    """
    columns = find_columns(source.header, "status")
    return _checked(read_batches(source, columns), now)


def _checked(batches: Iterator[Batch], now: int) -> Iterator[StatusBlock]:
    """Yield batches as blocks; meanwhile the next one is parsed in a thread, which takes longer."""
    with ThreadPoolExecutor(1, "parse") as thread:
        following = thread.submit(next, batches, None)
        while (batch := following.result()) is not None:
            following = thread.submit(next, batches, None)
            yield _check(batch, now)


def _check(batch: Batch, now: int) -> StatusBlock:
    store_column, at_column, status_column = batch.columns
    store, store_ids, bad_ids = checks.check_store_ids(store_column, polled=True)
    at, bad_instants = checks.check_instants(at_column, now)
    active, bad_statuses = checks.check_statuses(status_column)
    codes = checks.first_codes(bad_ids, bad_instants, bad_statuses)
    rows, rejects = len(codes) + len(batch.rejects), batch.rejects
    if codes.any():
        # Only now: to find where the rows are takes a while, and most blocks have no rejects.
        rejects = checks.rejects_of(batch, codes, batch.places())
        good = codes == 0
        store_ids, store = checks.drop_unused(store_ids, store[good])
        at, active = at[good], active[good]
    return StatusBlock(rows, store_ids, store, at, active, rejects, batch.settled)
