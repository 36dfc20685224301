"""Labels files: words about stores, such as their region, a column each."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from openhours.ingestion.csv import checks
from openhours.ingestion.csv.batches import Batch, read_batches
from openhours.ingestion.csv.kinds import find_columns, find_label_columns
from openhours.ingestion.csv.reasons import Reject
from openhours.ingestion.csv.source import Source


@dataclass(frozen=True, slots=True)
class LabelsBlock:
    """Labels: store `store_ids[store[i]]` has the values `values[i]`, one for each key.

    rows: good and rejected ones; a blank line is no row
    values: without the space around them; an empty one says that the store has no such label
    """

    rows: int
    store_ids: list[str]
    store: NDArray[np.int32]
    values: list[list[str]]
    line: NDArray[np.int64]
    rejects: list[Reject]


def read_labels(source: Source) -> tuple[list[str], Iterator[LabelsBlock]]:
    """Return the keys, and the rows of a labels file in blocks; raise as `read_status` does."""
    (store_id,) = find_columns(source.header, "labels")
    keys = find_label_columns(source.header)
    batches = read_batches(source, [store_id, *keys.values()])
    return list(keys), (_check(batch, list(keys)) for batch in batches)


def _check(batch: Batch, keys: Sequence[str]) -> LabelsBlock:
    places = batch.places()
    store, store_ids, bad_ids = checks.check_store_ids(batch.columns[0])
    columns = [
        checks.check_labels(column, key)
        for column, key in zip(batch.columns[1:], keys, strict=True)
    ]
    codes = checks.first_codes(bad_ids, *(bad_labels for *_, bad_labels in columns))
    good = codes == 0
    store_ids, store = checks.drop_unused(store_ids, store[good])
    values = [[words[place] for place in rows[good].tolist()] for rows, words, _ in columns]
    return LabelsBlock(
        rows=len(codes) + len(batch.rejects),
        store_ids=store_ids.to_pylist(),
        store=store,
        values=[list(row) for row in zip(*values, strict=True)],
        line=places.lines[good],
        rejects=checks.rejects_of(batch, codes, places),
    )
