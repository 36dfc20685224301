"""Files in words: what each type is called and needs, and why rows are rejected."""

from openhours.ingestion.csv.kinds import Kind, needed_columns
from openhours.ingestion.csv.reasons import Reason

KINDS: dict[Kind, str] = {
    "status": "polls (status)",
    "hours": "business hours",
    "special_hours": "special hours",
    "timezones": "time zones",
    "labels": "labels",
}
NEEDED = {kind: needed_columns(kind) for kind in KINDS} | {
    "labels": "store_id, and a column for each label; the name of the file begins with labels"
}
REASONS: dict[str, str] = {
    Reason.WRONG_COLUMN_COUNT: "The row has more or fewer fields than the header.",
    Reason.BAD_ENCODING: "The row is not UTF-8 text.",
    Reason.MISSING_STORE_ID: "The store id is missing, or longer than 64 characters.",
    Reason.MANGLED_STORE_ID: "A spreadsheet has rounded the store id.",
    Reason.RESERVED_STORE_ID: "Ids that begin with pc:, and the id *, are reserved.",
    Reason.BAD_TIMESTAMP: "The time cannot be read; write it as 2023-01-22 12:09:39 UTC.",
    Reason.FUTURE_TIMESTAMP: "The time lies in the future.",
    Reason.BAD_STATUS: "The status is neither active nor inactive.",
    Reason.BAD_DAY: "The day is not a number from 0 (Monday) to 6 (Sunday).",
    Reason.BAD_DATE: "The date cannot be read; write it as 2024-12-25.",
    Reason.BAD_TIME: "A time of day is missing or cannot be read; write it as 09:00.",
    Reason.UNKNOWN_TIMEZONE: "The time zone is not an IANA name, such as America/Denver.",
    Reason.BAD_LABEL: "A label is longer than 200 characters.",
    Reason.BAD_TARGET: "The target is not a percentage from 0 to 100.",
    Reason.STORE_HAS_BAD_ROWS: "Another row of this store was rejected, so its hours stay.",
}
