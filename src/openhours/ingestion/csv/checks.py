"""Checks of whole columns: each returns the values and a reason code for every row.

Reason codes are bytes: 0 for a good value, else 1 + the position of the reason in `Reason`. The
value of a row with another code than 0 means nothing.
"""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytz
from numpy.typing import NDArray

from openhours.ingestion.csv.batches import Batch, ReasonCodes
from openhours.ingestion.csv.pieces import Places
from openhours.ingestion.csv.reasons import Reason, Reject
from openhours.ingestion.csv.timestamps import distinct, layout, parse_timestamps
from openhours.stores.labels import MAX_LENGTH as MAX_LABEL_LENGTH
from openhours.stores.labels import TARGET, parse_target
from openhours.stores.store_ids import EVERY, MAX_LENGTH, store_id_problem
from openhours.times import AHEAD, DAY, parse_date, parse_time_of_day, to_days
from openhours.uptime.dates import ALWAYS, CLOSED

_AHEAD = AHEAD // timedelta(microseconds=1)
_RESERVED = "pc:"
_STATUSES = {b"active": True, b"inactive": False}
_REASONS = tuple(Reason)
_CODES = {reason: code for code, reason in enumerate(_REASONS, 1)}


def first_codes(*columns: ReasonCodes) -> ReasonCodes:
    """Return for each row the first code that is not 0; columns of equal length."""
    codes = columns[0]
    for later in columns[1:]:
        if later.any():
            codes = np.where(codes, codes, later)
    return codes


def rejects_of(batch: Batch, codes: ReasonCodes, places: Places) -> list[Reject]:
    """Return the batch's rejects and those of its rows that have a reason, by line."""
    bad = np.flatnonzero(codes)
    rows = zip(
        places.lines[bad].tolist(), codes[bad].tolist(), batch.raws(places, bad), strict=True
    )
    return sorted(
        [*batch.rejects, *(Reject(line, _REASONS[code - 1], raw) for line, code, raw in rows)]
    )


def drop_unused(values: pa.Array, codes: NDArray[np.int32]) -> tuple[pa.Array, NDArray[np.int32]]:
    """Return the values that codes still name, in their order, and the codes of these.

    values: a b c d,  codes: 3 0 3  ->  values: a d,  codes: 1 0 1
    """
    used = np.zeros(len(values), np.bool_)
    used[codes] = True
    renumbered = (np.cumsum(used) - 1).astype(np.int32)
    return values.filter(pa.array(used)), renumbered[codes]


def _store_id_reason(store_id: str, *, polled: bool, every: bool) -> Reason | None:
    """Return why a row with this store id is rejected, or None."""
    problem = store_id_problem(store_id)
    if problem is not None:
        return Reason(problem)
    is_reserved = (store_id == EVERY and not every) or (polled and store_id.startswith(_RESERVED))
    return Reason.RESERVED_STORE_ID if is_reserved else None


def check_store_ids(
    column: pa.Array, *, polled: bool = False, every: bool = False
) -> tuple[NDArray[np.int32], pa.StringArray, ReasonCodes]:
    """Return for each row the position of its id among the distinct ids; these; reason codes.

    polled: ids of PCs are reserved
    every: `*`, every store, is allowed
    """
    encoded = column.dictionary_encode()
    store_ids = encoded.dictionary.view(pa.string())
    codes = np.zeros(len(store_ids), np.uint8)
    for suspect in _suspects(store_ids):
        reason = _store_id_reason(store_ids[suspect].as_py(), polled=polled, every=every)
        codes[suspect] = _code(reason)
    rows = encoded.indices.to_numpy()
    return rows, store_ids, codes[rows] if codes.any() else np.zeros(len(rows), np.uint8)


def _suspects(store_ids: pa.Array) -> list[int]:
    """Return the ids that need a closer look: of the thousands in a block next to none is bad."""
    starts, ends, data = layout(store_ids)
    size = ends - starts
    suspect = (size == 0) | (size > MAX_LENGTH)
    if len(data):
        first = data[np.minimum(starts, len(data) - 1)]
        suspect |= (first <= ord(" ")) | (first > ord("~"))
        suspect |= (first == ord(_RESERVED[0])) | (first == ord(EVERY))
    if (data == ord("+")).any():
        suspect |= pc.match_substring(store_ids, "+").to_numpy(zero_copy_only=False)
    return np.flatnonzero(suspect).tolist()


def check_instants(column: pa.Array, now: int) -> tuple[NDArray[np.int64], ReasonCodes]:
    """Return instants in µs since 1970 UTC, and reason codes; `now` in µs, too."""
    at, known = parse_timestamps(column)
    codes = np.where(known, np.uint8(0), _code(Reason.BAD_TIMESTAMP))
    codes[known & (at > now + _AHEAD)] = _code(Reason.FUTURE_TIMESTAMP)
    return at, codes


def check_statuses(column: pa.Array) -> tuple[NDArray[np.bool_], ReasonCodes]:
    """Return whether each row says active, and reason codes."""
    active = _equal(column, b"active")
    good = active | _equal(column, b"inactive")
    codes = np.zeros(len(column), np.uint8)
    rest = np.flatnonzero(~good)
    if len(rest):
        part = column.take(pa.array(rest))
        values, codes[rest] = _check(part, _parse_status, Reason.BAD_STATUS)
        active[rest] = values == 1
    return active, codes


def check_days(column: pa.Array) -> tuple[NDArray[np.int64], ReasonCodes]:
    """Return weekdays, 0 = Monday, and reason codes."""
    return _check(column, _parse_day, Reason.BAD_DAY)


def check_times(
    opens: pa.Array, closes: pa.Array
) -> tuple[NDArray[np.int64], NDArray[np.int64], ReasonCodes]:
    """Return opening and closing in µs since local midnight, both CLOSED if both are empty; codes.

    Only a closing may be `24:00`.
    """
    start, bad_starts = _check(opens, _parse_time, Reason.BAD_TIME)
    end, bad_ends = _check(closes, _parse_time, Reason.BAD_TIME)
    codes = first_codes(bad_starts, bad_ends)
    codes = np.where((start == CLOSED) == (end == CLOSED), codes, _code(Reason.BAD_TIME))
    codes[start == DAY] = _code(Reason.BAD_TIME)
    return start, end, codes


def check_dates(column: pa.Array, *, may_be_empty: bool) -> tuple[NDArray[np.int64], ReasonCodes]:
    """Return dates in days since 1970-01-01, and reason codes; an empty date is ALWAYS."""
    parse = _parse_date_or_always if may_be_empty else _parse_date
    return _check(column, parse, Reason.BAD_DATE)


def check_zones(column: pa.Array) -> tuple[NDArray[np.int32], pa.StringArray, ReasonCodes]:
    """Return for each row the position of its zone among the distinct zones; these; codes."""
    rows, values = distinct(column)
    zones = [value.decode().strip() for value in values]
    unknown = _code(Reason.UNKNOWN_TIMEZONE)
    codes = [0 if zone in pytz.all_timezones_set else unknown for zone in zones]
    return rows, pa.array(zones, pa.string()), np.array(codes, np.uint8)[rows]


def check_labels(column: pa.Array, key: str) -> tuple[NDArray[np.int32], list[str], ReasonCodes]:
    """Return for each row the position of its value among the distinct values; these; codes."""
    rows, values = distinct(column)
    words = [value.decode().strip() for value in values]
    codes = [_code(_label_reason(key, word)) for word in words]
    return rows, words, np.array(codes, np.uint8)[rows]


def _label_reason(key: str, value: str) -> Reason | None:
    """Return why a row with this label is rejected, or None."""
    if len(value) > MAX_LABEL_LENGTH:
        return Reason.BAD_LABEL
    is_bad_target = key == TARGET and value and parse_target(value) is None
    return Reason.BAD_TARGET if is_bad_target else None


def _check(
    column: pa.Array, parse: Callable[[bytes], int | None], reason: Reason
) -> tuple[NDArray[np.int64], ReasonCodes]:
    rows, texts = distinct(column)
    parsed = [parse(text) for text in texts]
    values = np.array([value or 0 for value in parsed], np.int64)
    codes = np.array([_code(reason if value is None else None) for value in parsed], np.uint8)
    return values[rows], codes[rows]


def _parse_status(text: bytes) -> int | None:
    return _STATUSES.get(text.strip().lower())


def _parse_time(text: bytes) -> int | None:
    return parse_time_of_day(text.decode()) if text.strip() else CLOSED


def _parse_date(text: bytes) -> int | None:
    day = parse_date(text.decode())
    return None if day is None else to_days(day)


def _parse_date_or_always(text: bytes) -> int | None:
    return _parse_date(text) if text.strip() else ALWAYS


def _parse_day(text: bytes) -> int | None:
    text = text.strip()
    return int(text) if len(text) == 1 and text in b"0123456" else None


def _code(reason: Reason | None) -> np.uint8:
    return np.uint8(_CODES[reason] if reason else 0)


def _equal(column: pa.Array, value: bytes) -> NDArray[Any]:
    equal = pc.equal(column, pa.scalar(value, pa.binary()))
    return np.array(equal.to_numpy(zero_copy_only=False))
