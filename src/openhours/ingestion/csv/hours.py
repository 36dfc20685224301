"""Hours files: when stores open and close on the days of a week."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from openhours.ingestion.csv import checks
from openhours.ingestion.csv.batches import Batch, read_batches
from openhours.ingestion.csv.kinds import find_columns, find_optional_column
from openhours.ingestion.csv.reasons import Reject
from openhours.ingestion.csv.records import Records
from openhours.ingestion.csv.source import Source
from openhours.stores.store_ids import store_id_problem
from openhours.uptime.dates import ALWAYS


@dataclass(frozen=True, slots=True)
class HoursBlock:
    """Business hours: on `day[i]`, store `store_ids[store[i]]` is open from `opens` to `closes`.

    rows: good and rejected ones; a blank line is no row
    day: 0 = Monday; opens, closes: µs since local midnight as written, `closes` up to 24 h; or both
        CLOSED
    valid_from: local dates in days since 1970-01-01, or ALWAYS
    line, raw: where and how each good row is written, for when its store has a rejected one, too
    rejected_stores: those that rejected rows name, as far as these rows can be read
    """

    rows: int
    store_ids: list[str]
    store: NDArray[np.int32]
    day: NDArray[np.int64]
    opens: NDArray[np.int64]
    closes: NDArray[np.int64]
    valid_from: NDArray[np.int64]
    line: NDArray[np.int64]
    raw: list[bytes]
    rejects: list[Reject]
    rejected_stores: frozenset[str]


def read_hours(source: Source) -> Iterator[HoursBlock]:
    """Return the rows of an hours file in blocks; raise as `read_status` does."""
    columns = find_columns(source.header, "hours")
    valid_from = find_optional_column(source.header, "hours", "valid_from")
    if valid_from is not None:
        columns.append(valid_from)
    return (_check(batch, columns[0]) for batch in read_batches(source, columns))


def _check(batch: Batch, store_column: int) -> HoursBlock:
    places = batch.places()
    store, store_ids, bad_ids = checks.check_store_ids(batch.columns[0])
    day, bad_days = checks.check_days(batch.columns[1])
    opens, closes, bad_times = checks.check_times(batch.columns[2], batch.columns[3])
    valid_from, bad_dates = np.full(len(day), ALWAYS), np.zeros(len(day), np.uint8)
    if len(batch.columns) > 4:
        valid_from, bad_dates = checks.check_dates(batch.columns[4], may_be_empty=True)
    codes = checks.first_codes(bad_ids, bad_days, bad_times, bad_dates)
    rejects = checks.rejects_of(batch, codes, places)
    good = codes == 0
    store_ids, store = checks.drop_unused(store_ids, store[good])
    named = (_named_store(reject.raw, store_column) for reject in rejects)
    return HoursBlock(
        rows=len(codes) + len(batch.rejects),
        store_ids=store_ids.to_pylist(),
        store=store,
        day=day[good],
        opens=opens[good],
        closes=closes[good],
        valid_from=valid_from[good],
        line=places.lines[good],
        raw=batch.raws(places, np.flatnonzero(good)),
        rejects=rejects,
        rejected_stores=frozenset(store_id for store_id in named if store_id is not None),
    )


def _named_store(raw: bytes, column: int) -> str | None:
    """Return the store that a rejected row names in the column of its id."""
    record = Records(raw + b"\n", last=True).at(0)
    # Without an end to its quotes the row has no fields, but it begins with some.
    fields = (record and record.fields) or [part.strip(b'"') for part in raw.split(b",")]
    if column >= len(fields):
        return None
    store_id = fields[column].decode(errors="replace")
    return store_id if store_id_problem(store_id) is None else None
