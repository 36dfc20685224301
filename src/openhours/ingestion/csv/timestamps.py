"""Timestamps of a status file."""

import re
from datetime import UTC, datetime, timedelta

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_SECOND = 1_000_000
_MINUTE = 60 * _SECOND
_HOUR = 60 * _MINUTE

_YEAR_2000 = 946_684_800 * _SECOND

_TIMESTAMP = re.compile(
    rb"(\d{4})-(\d\d)-(\d\d)[T ](\d\d):(\d\d):(\d\d)(?:\.(\d{1,6}))?"
    rb"( UTC|Z|[+-]\d\d(?::?\d\d)?)?"
)
_UTC = b" UTC"
_SUFFIX_LENGTHS = (0, 1, 3, 4, 5, 6)
_OFFSET = re.compile(rb"([+-])(\d\d)(?::?(\d\d))?")

# All that pyarrow's cast takes, by the days of the calendar: the cast stops at the first value that
# it does not take, and does not say at which.
_CASTABLE = (
    r"^(?:\d{4}-(?:(?:0[13578]|1[02])-(?:0[1-9]|[12]\d|3[01])"
    r"|(?:0[469]|11)-(?:0[1-9]|[12]\d|30)|02-(?:0[1-9]|1\d|2[0-8]))"
    r"|(?:\d\d(?:0[48]|[2468][048]|[13579][26])|(?:[02468][048]|[13579][26])00)-02-29)"
    r"[T ](?:[01]\d|2[0-3]):[0-5]\d:[0-5]\d(?:\.\d{1,6})?$"
)


def parse_timestamp(text: bytes) -> int | None:
    """Return µs since 1970 UTC of a timestamp, or None if it is none or before the year 2000.

    `2023-01-22 12:09:39.388884 UTC`, or ISO 8601 with `Z`, an offset, or nothing (UTC), and up to
    6 digits of a fraction; spaces around it do not matter.
    """
    match = _TIMESTAMP.fullmatch(text.strip())
    if match is None:
        return None
    year, month, day, hour, minute, second = (int(digits) for digits in match.groups()[:6])
    ahead = _ahead_of_utc(match[8] or b"")
    try:
        local = datetime(year, month, day, hour, minute, second, _microseconds(match[7]), UTC)
    except ValueError:
        return None
    if ahead is None:
        return None
    instant = (local - _EPOCH) // _MICROSECOND - ahead
    return instant if instant >= _YEAR_2000 else None


def _microseconds(fraction: bytes | None) -> int:
    return int((fraction or b"0").ljust(6, b"0"))


def _ahead_of_utc(suffix: bytes) -> int | None:
    """Return the µs of an offset, or None if there is no such offset."""
    if suffix in {b"", b"Z", _UTC}:
        return 0
    match = _OFFSET.fullmatch(suffix)
    if match is None:
        return None
    hours, minutes = int(match[2]), int(match[3] or 0)
    if hours > 23 or minutes > 59:
        return None
    ahead = hours * _HOUR + minutes * _MINUTE
    return -ahead if match[1] == b"-" else ahead


def distinct(column: pa.Array) -> tuple[NDArray[np.int32], list[bytes]]:
    """Return the position of each binary value among the distinct values, and these."""
    encoded = column.dictionary_encode()
    return encoded.indices.to_numpy(), encoded.dictionary.to_pylist()


def parse_timestamps(column: pa.Array) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """Return `parse_timestamp` of each value of a binary column of UTF-8, and which have one.

    Values of the usual forms go through pyarrow together; only what it leaves goes one by one.
    """
    at = np.zeros(len(column), np.int64)
    known = np.zeros(len(column), np.bool_)
    column = _trimmed(column)
    lengths = _suffix_lengths(column)
    for length in _SUFFIX_LENGTHS:
        rows = np.flatnonzero(lengths == length)
        if len(rows) == len(column):
            at, known = _cast(column, length)
        elif len(rows):
            at[rows], known[rows] = _cast(column.take(pa.array(rows)), length)
    if not known.all():
        rest = np.flatnonzero(~known)
        codes, texts = distinct(column.take(pa.array(rest)))
        parsed = [parse_timestamp(text) for text in texts]
        at[rest] = np.array([instant or 0 for instant in parsed], np.int64)[codes]
        known[rest] = np.array([instant is not None for instant in parsed], np.bool_)[codes]
    return at, known & (at >= _YEAR_2000)


def _trimmed(column: pa.Array) -> pa.Array:
    starts, ends, data = layout(column)
    if len(data) == 0:
        return column
    outermost = np.minimum(data[np.minimum(starts, len(data) - 1)], data[ends - 1])
    if not (outermost <= ord(" ")).any():
        return column
    return pc.ascii_trim_whitespace(column.view(pa.string())).view(pa.binary())


def _suffix_lengths(column: pa.Array) -> NDArray[np.int8]:
    """Return how many bytes at the end of each value look like its ` UTC`, `Z` or offset."""
    _, ends, data = layout(column)
    if len(data) == 0:
        return np.zeros(len(column), np.int8)
    last = data[ends - 1]
    length = np.where(
        last == ord("C"), np.int8(4), np.where(last == ord("Z"), np.int8(1), np.int8(0))
    )
    bare = np.flatnonzero(length == 0)
    for offset in (3, 5, 6) if len(bare) else ():
        sign = data[np.maximum(ends[bare] - offset, 0)]
        length[bare[(sign == ord("+")) | (sign == ord("-"))]] = offset
    return length


def _cast(column: pa.Array, length: int) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """Return instants of values that all end in a suffix of `length` bytes, where pyarrow can tell.

    2023-01-22 12:09:39.388884 UTC
    [ local time, 19 to 26 B ][ length ]
    """
    starts, ends, _ = layout(column)
    size = ends - starts - length
    # 19 bytes end with the seconds: of shorter values the cast would take some, too.
    known = (size >= 19) & (size <= 26)
    ahead, is_suffix = _suffixes_ahead(column, length)
    known &= is_suffix
    local = pc.binary_slice(column, 0, -length) if length else column
    local = local.view(pa.string())
    if not known.all():
        local = local.filter(pa.array(known))
    try:
        at = local.cast(pa.timestamp("us"))
    except pa.ArrowInvalid:
        castable = pc.match_substring_regex(local, _CASTABLE)
        known[known] = castable.to_numpy(zero_copy_only=False)
        at = local.filter(castable).cast(pa.timestamp("us"))
    instants = at.view(pa.int64()).to_numpy()
    if not known.all():
        everywhere = np.zeros(len(column), np.int64)
        everywhere[known] = instants
        instants = everywhere
    return instants - ahead, known


def _suffixes_ahead(
    column: pa.Array, length: int
) -> tuple[NDArray[np.int64], NDArray[np.bool_] | bool]:
    """Return the µs that the last `length` bytes of values are ahead of UTC, and whether they are.

    One for each value, or one for all: of no suffix or `Z`.
    """
    if length <= 1:
        return np.zeros(1, np.int64), True
    if length == len(_UTC):
        return np.zeros(1, np.int64), pc.ends_with(column, _UTC).to_numpy(zero_copy_only=False)
    codes, texts = distinct(pc.binary_slice(column, -length))
    aheads = [_ahead_of_utc(text) for text in texts]
    ahead = np.array([ahead or 0 for ahead in aheads], np.int64)
    return ahead[codes], np.array([ahead is not None for ahead in aheads], np.bool_)[codes]


def layout(
    column: pa.Array,
) -> tuple[NDArray[np.int32], NDArray[np.int32], NDArray[np.uint8]]:
    """Return start and end of each binary value in the bytes of all, and these bytes."""
    _, offsets, data = column.buffers()
    bounds = np.frombuffer(offsets, np.int32, len(column) + 1, 4 * column.offset)
    return bounds[:-1], bounds[1:], np.frombuffer(data or b"", np.uint8)
