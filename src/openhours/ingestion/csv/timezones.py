"""Time zones files: in which zone each store is."""

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
class TimezonesBlock:
    """Time zones: store `store_ids[store[i]]` is in `zones[zone[i]]`, an IANA name.

    rows: good and rejected ones; a blank line is no row
    """

    rows: int
    store_ids: list[str]
    store: NDArray[np.int32]
    zones: list[str]
    zone: NDArray[np.int32]
    line: NDArray[np.int64]
    rejects: list[Reject]


def read_timezones(source: Source) -> Iterator[TimezonesBlock]:
    """Return the rows of a time zones file in blocks; raise as `read_status` does."""
    columns = find_columns(source.header, "timezones")
    return (_check(batch) for batch in read_batches(source, columns))


def _check(batch: Batch) -> TimezonesBlock:
    places = batch.places()
    store, store_ids, bad_ids = checks.check_store_ids(batch.columns[0])
    zone, zones, bad_zones = checks.check_zones(batch.columns[1])
    codes = checks.first_codes(bad_ids, bad_zones)
    rejects = checks.rejects_of(batch, codes, places)
    good = codes == 0
    store_ids, store = checks.drop_unused(store_ids, store[good])
    zones, zone = checks.drop_unused(zones, zone[good])
    return TimezonesBlock(
        rows=len(codes) + len(batch.rejects),
        store_ids=store_ids.to_pylist(),
        store=store,
        zones=zones.to_pylist(),
        zone=zone,
        line=places.lines[good],
        rejects=rejects,
    )
