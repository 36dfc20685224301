"""Special hours files: when stores open and close on single dates."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from openhours.ingestion.csv import checks
from openhours.ingestion.csv.batches import Batch, read_batches
from openhours.ingestion.csv.kinds import find_columns
from openhours.ingestion.csv.reasons import Reject
from openhours.ingestion.csv.source import Source


@dataclass(frozen=True, slots=True)
class SpecialHoursBlock:
    """Special hours: on `date[i]`, store `store_ids[store[i]]` is open from `opens` to `closes`.

    rows: good and rejected ones; a blank line is no row
    store_ids: may hold EVERY
    date: local, in days since 1970-01-01; opens, closes: as in `HoursBlock`
    """

    rows: int
    store_ids: list[str]
    store: NDArray[np.int32]
    date: NDArray[np.int64]
    opens: NDArray[np.int64]
    closes: NDArray[np.int64]
    line: NDArray[np.int64]
    rejects: list[Reject]


def read_special_hours(source: Source) -> Iterator[SpecialHoursBlock]:
    """Return the rows of a special hours file in blocks; raise as `read_status` does."""
    columns = find_columns(source.header, "special_hours")
    return (_check(batch) for batch in read_batches(source, columns))


def _check(batch: Batch) -> SpecialHoursBlock:
    places = batch.places()
    store, store_ids, bad_ids = checks.check_store_ids(batch.columns[0], every=True)
    date, bad_dates = checks.check_dates(batch.columns[1], may_be_empty=False)
    opens, closes, bad_times = checks.check_times(batch.columns[2], batch.columns[3])
    codes = checks.first_codes(bad_ids, bad_dates, bad_times)
    good = codes == 0
    store_ids, store = checks.drop_unused(store_ids, store[good])
    return SpecialHoursBlock(
        rows=len(codes) + len(batch.rejects),
        store_ids=store_ids.to_pylist(),
        store=store,
        date=date[good],
        opens=opens[good],
        closes=closes[good],
        line=places.lines[good],
        rejects=checks.rejects_of(batch, codes, places),
    )
