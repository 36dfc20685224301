"""Kinds of files, told by their columns."""

from collections.abc import Sequence
from typing import Literal

from openhours.ingestion.csv.reasons import FileRefused

Kind = Literal["status", "hours", "special_hours", "timezones"]

# Each column with the names it may have.
_COLUMNS: dict[Kind, tuple[tuple[str, ...], ...]] = {
    "status": (("store_id",), ("timestamp_utc",), ("status",)),
    "hours": (
        ("store_id",),
        ("day", "dayOfWeek"),
        ("start_time_local",),
        ("end_time_local",),
    ),
    "special_hours": (("store_id",), ("date",), ("start_time_local",), ("end_time_local",)),
    "timezones": (("store_id",), ("timezone_str",)),
}
_NAMES: dict[Kind, str] = {
    "status": "a status file",
    "hours": "an hours file",
    "special_hours": "a special hours file",
    "timezones": "a time zones file",
}


def find_optional_column(header: Sequence[str], kind: Kind, name: str) -> int | None:
    """Return the position of a column that the kind may have, or None.

    Raise FileRefused if it is there more than once.
    """
    if header.count(name) > 1:
        raise FileRefused(f"not {_NAMES[kind]}: more than one column {name}")
    return header.index(name) if name in header else None


def kind_of(header: Sequence[str]) -> Kind:
    """Return the kind of file that has these columns; of several the first of `Kind`.

    Raise FileRefused if no kind has.
    """
    for kind, columns in _COLUMNS.items():
        if all(any(name in header for name in names) for names in columns):
            return kind
    needs = "; ".join(f"{_NAMES[kind]} needs {_listed(_COLUMNS[kind])}" for kind in _COLUMNS)
    raise FileRefused(f"no kind of file has the columns of this one: {needs}")


def find_columns(header: Sequence[str], kind: Kind) -> list[int]:
    """Return the positions of the columns that the kind needs.

    Raise FileRefused, which names those that are missing. It does not repeat the header: that may
    be the first line of anything.
    """
    refused = f"not {_NAMES[kind]}"
    missing = [names for names in _COLUMNS[kind] if not any(name in header for name in names)]
    if missing:
        noun = "column" if len(missing) == 1 else "columns"
        raise FileRefused(f"{refused}: no {noun} {_listed(missing)}")
    positions = []
    for names in _COLUMNS[kind]:
        matching = [position for position, name in enumerate(header) if name in names]
        if len(matching) > 1:
            raise FileRefused(f"{refused}: more than one column {_listed([names])}")
        positions += matching
    return positions


def _listed(columns: Sequence[tuple[str, ...]]) -> str:
    return ", ".join(" or ".join(names) for names in columns)
