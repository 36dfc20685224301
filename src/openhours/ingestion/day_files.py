"""Polls of a file on their way to the database, sorted by day on disk.

While a file is read, its rows go to one small file a day, eight bytes a row; then each day is read
back and sorted by (store, instant). So memory holds one day at most.

    a row:   0 | code of the store, 25 bits | µs since midnight, 37 bits | 1 = active
"""

from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from openhours.ingestion.csv.reasons import FileRefused
from openhours.times import DAY

# A day has less than 2^37 µs.
_AT_BITS = 37
_AT_MASK = (1 << _AT_BITS) - 1
_MAX_STORES = 1 << (63 - _AT_BITS - 1)


class DayRows(NamedTuple):
    """Polls of one day, sorted by (code, instant), one for each.

    code: position of the store in `DayFiles.store_ids`; observed_at: µs since 1970 UTC
    """

    code: NDArray[np.int64]
    observed_at: NDArray[np.int64]
    active: NDArray[np.bool_]


class DayFiles:
    """Good rows of one status file, by day. `folder` is an empty directory of their own."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._codes: dict[str, int] = {}
        self._last_ids, self._last_codes = pa.array([], pa.string()), np.empty(0, np.int64)
        self._days: set[int] = set()

    @property
    def store_ids(self) -> list[str]:
        """Return the stores of the rows; a store's position is its code."""
        return list(self._codes)

    @property
    def days(self) -> list[int]:
        """Return the days that have rows, counted from 1970-01-01, in their order."""
        return sorted(self._days)

    def add(
        self,
        store_ids: pa.StringArray,
        store: NDArray[np.integer[Any]],
        at: NDArray[np.int64],
        active: NDArray[np.bool_],
    ) -> None:
        """Add rows in the file's order: positions in `store_ids`, µs since 1970, status.

        Raise FileRefused for more stores than a row can number.
        """
        if len(at) == 0:
            return
        code = self._codes_of(store_ids)[store]
        day = at // DAY
        packed = (((code << _AT_BITS) | (at - day * DAY)) << 1) | active
        order = np.argsort(day, kind="stable")
        days, starts = np.unique(day[order], return_index=True)
        for number, rows in zip(days.tolist(), np.split(packed[order], starts[1:]), strict=True):
            with self._file(number).open("ab") as file:
                rows.tofile(file)
            self._days.add(number)

    def _codes_of(self, store_ids: pa.StringArray) -> NDArray[np.int64]:
        """Return the codes of distinct stores; those that are new get the next ones."""
        # Most are those of the block before, which Arrow finds without a Python object for each.
        places = pc.index_in(store_ids, value_set=self._last_ids)
        known = places.is_valid().to_numpy(zero_copy_only=False)
        codes = np.empty(len(store_ids), np.int64)
        codes[known] = self._last_codes[places.drop_null().to_numpy()]
        others = store_ids.filter(pa.array(~known)).to_pylist()
        codes[~known] = [self._codes.setdefault(one, len(self._codes)) for one in others]
        if len(self._codes) > _MAX_STORES:
            raise FileRefused(f"more than {_MAX_STORES:,} stores in one file: split it")
        self._last_ids, self._last_codes = store_ids, codes
        return codes

    def take(self, day: int) -> DayRows:
        """Return a day's rows, and remove them; of one store and instant the later line wins."""
        packed = np.fromfile(self._file(day), np.int64)
        self._file(day).unlink()
        rows = _newest_of_each(packed)
        return DayRows(
            code=rows >> (_AT_BITS + 1),
            observed_at=((rows >> 1) & _AT_MASK) + day * DAY,
            active=(rows & 1).astype(np.bool_),
        )

    def _file(self, day: int) -> Path:
        return self._folder / str(day)


def _newest_of_each(packed: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return packed rows sorted, one for each key (all but the status bit): the last one given.

    given, as key and status   7a 5a 7i 5a       (a = active, sorts after i)
    sorted, equal ones once    5a 7i 7a          7 is there with both: disputed
    last of each key           5a 7a             right for 5
    disputed: last given       5a 7i             of 7 the last one given was i
    """
    rows = _last_of_runs(np.sort(packed), 0)
    keys = rows >> 1
    disputed = keys[1:][keys[1:] == keys[:-1]]
    if len(disputed):
        rows = _last_of_runs(rows, 1)
        given = packed[np.isin(packed >> 1, disputed)]
        last = dict(zip((given >> 1).tolist(), given.tolist(), strict=True))
        rows[np.searchsorted(rows >> 1, disputed)] = [last[key] for key in disputed.tolist()]
    return rows


def _last_of_runs(rows: NDArray[np.int64], shift: int) -> NDArray[np.int64]:
    """Return the last one of each run of sorted rows that are equal but for `shift` low bits."""
    keys = rows >> shift
    is_last: NDArray[np.bool_] = np.append(keys[1:] != keys[:-1], True)
    return rows[is_last]
