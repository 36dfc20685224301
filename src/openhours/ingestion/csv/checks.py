"""Checks of whole columns: each gives the values and, for every row, what is wrong with its own.

Faults are bytes: 0 for a good value, else 1 + the position of the reason in `Reason`. Where a
row's value is at fault, the value beside it means nothing.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytz
from numpy.typing import NDArray

from openhours.ingestion.csv.reasons import Reason
from openhours.ingestion.csv.timestamps import distinct, layout, parse_timestamps
from openhours.stores.store_ids import MAX_LENGTH, store_id_problem
from openhours.times import DAY, parse_time_of_day

Faults = NDArray[np.uint8]

_AHEAD = 300_000_000  # µs that a clock may be ahead of ours
_RESERVED = "pc:"
_STATUSES = {b"active": True, b"inactive": False}
_REASONS = tuple(Reason)
_CODES = {reason: code for code, reason in enumerate(_REASONS, 1)}


def reason_of(fault: int) -> Reason:
    return _REASONS[fault - 1]


def first_fault(*columns: Faults) -> Faults:
    """Of each row the fault that stands first; columns of equal length."""
    fault = columns[0]
    for later in columns[1:]:
        if later.any():
            fault = np.where(fault, fault, later)
    return fault


def _store_id_fault(store_id: str, *, polled: bool) -> Reason | None:
    """Return why a row with this store id is rejected, of a status file if `polled`, or None."""
    problem = store_id_problem(store_id)
    if problem is not None:
        return Reason(problem)
    return Reason.RESERVED_STORE_ID if polled and store_id.startswith(_RESERVED) else None


def check_store_ids(
    column: pa.Array, *, polled: bool
) -> tuple[NDArray[np.int32], list[str], Faults]:
    """For each row the position of its id in the list of distinct ids; that list; faults."""
    encoded = column.dictionary_encode()
    values = encoded.dictionary.view(pa.string())
    store_ids: list[str] = values.to_pylist()
    faults = np.zeros(len(store_ids), np.uint8)
    for suspect in _suspects(values):
        faults[suspect] = _code(_store_id_fault(store_ids[suspect], polled=polled))
    codes = encoded.indices.to_numpy()
    return codes, store_ids, faults[codes] if faults.any() else np.zeros(len(codes), np.uint8)


def _suspects(store_ids: pa.Array) -> list[int]:
    """Which ids need a closer look: a block has thousands of ids, and next to none is bad."""
    starts, ends, data = layout(store_ids)
    size = ends - starts
    suspect = (size == 0) | (size > MAX_LENGTH)
    if len(data):
        first = data[np.minimum(starts, len(data) - 1)]
        suspect |= (first <= ord(" ")) | (first > ord("~")) | (first == ord(_RESERVED[0]))
    if (data == ord("+")).any():
        suspect |= pc.match_substring(store_ids, "+").to_numpy(zero_copy_only=False)
    return np.flatnonzero(suspect).tolist()


def check_instants(column: pa.Array, now: int) -> tuple[NDArray[np.int64], Faults]:
    """Microseconds since 1970 UTC; `now` likewise."""
    at, known = parse_timestamps(column)
    faults = np.where(known, np.uint8(0), _code(Reason.BAD_TIMESTAMP))
    faults[known & (at > now + _AHEAD)] = _code(Reason.FUTURE_TIMESTAMP)
    return at, faults


def check_statuses(column: pa.Array) -> tuple[NDArray[np.bool_], Faults]:
    """Whether each row says active."""
    active = _equal(column, b"active")
    good = active | _equal(column, b"inactive")
    faults = np.zeros(len(column), np.uint8)
    rest = np.flatnonzero(~good)
    if len(rest):
        part = column.take(pa.array(rest))
        values, faults[rest] = _check(part, _parse_status, Reason.BAD_STATUS)
        active[rest] = values == 1
    return active, faults


def check_days(column: pa.Array) -> tuple[NDArray[np.int64], Faults]:
    """Weekdays, 0 = Monday."""
    return _check(column, _parse_day, Reason.BAD_DAY)


def check_times(column: pa.Array, *, end: bool) -> tuple[NDArray[np.int64], Faults]:
    """Microseconds since local midnight; only an end may be `24:00`."""
    times, faults = _check(column, _parse_time, Reason.BAD_TIME)
    if not end:
        faults[times == DAY] = _code(Reason.BAD_TIME)
    return times, faults


def check_zones(column: pa.Array) -> tuple[NDArray[np.int32], list[str], Faults]:
    """For each row the position of its zone in the list of distinct zones; that list; faults."""
    codes, values = distinct(column)
    zones = [value.decode().strip() for value in values]
    unknown = _code(Reason.UNKNOWN_TIMEZONE)
    faults = [0 if zone in pytz.all_timezones_set else unknown for zone in zones]
    return codes, zones, np.array(faults, np.uint8)[codes]


def _check(
    column: pa.Array, parse: Callable[[bytes], int | None], reason: Reason
) -> tuple[NDArray[np.int64], Faults]:
    codes, texts = distinct(column)
    parsed = [parse(text) for text in texts]
    values = np.array([value or 0 for value in parsed], np.int64)
    faults = np.array([_code(reason if value is None else None) for value in parsed], np.uint8)
    return values[codes], faults[codes]


def _parse_status(text: bytes) -> int | None:
    return _STATUSES.get(text.strip().lower())


def _parse_time(text: bytes) -> int | None:
    return parse_time_of_day(text.decode())


def _parse_day(text: bytes) -> int | None:
    text = text.strip()
    return int(text) if len(text) == 1 and text in b"0123456" else None


def _code(reason: Reason | None) -> np.uint8:
    return np.uint8(_CODES[reason] if reason else 0)


def _equal(column: pa.Array, value: bytes) -> NDArray[Any]:
    equal = pc.equal(column, pa.scalar(value, pa.binary()))
    return np.array(equal.to_numpy(zero_copy_only=False))
