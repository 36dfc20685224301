"""Reasons why a CSV file is refused, or one row of it rejected."""

from enum import StrEnum
from typing import NamedTuple

from openhours.errors import Malformed


class FileRefused(Malformed):
    """File that cannot be read as the kind it should be; the message says why."""


class Reason(StrEnum):
    """Why a row is rejected: the reason codes of `rejects.csv`."""

    WRONG_COLUMN_COUNT = "wrong_column_count"
    BAD_ENCODING = "bad_encoding"
    MISSING_STORE_ID = "missing_store_id"
    MANGLED_STORE_ID = "mangled_store_id"
    RESERVED_STORE_ID = "reserved_store_id"
    BAD_TIMESTAMP = "bad_timestamp"
    FUTURE_TIMESTAMP = "future_timestamp"
    BAD_STATUS = "bad_status"
    BAD_DAY = "bad_day"
    BAD_DATE = "bad_date"
    BAD_TIME = "bad_time"
    UNKNOWN_TIMEZONE = "unknown_timezone"
    BAD_LABEL = "bad_label"
    BAD_TARGET = "bad_target"
    STORE_HAS_BAD_ROWS = "store_has_bad_rows"


class Reject(NamedTuple):
    """Rejected row.

    `line` counts the file's physical lines from 1, the header's; a row of several lines has the
    number of its first. `raw` is the row to the letter, without its line end, at most 1 MiB of it.
    """

    line: int
    reason: Reason
    raw: bytes
