"""Kinds of files, told by their columns; of labels, whose columns have any names, by the name."""

from collections.abc import Sequence
from itertools import chain
from typing import Literal

from openhours.ingestion.csv.reasons import FileRefused
from openhours.stores.labels import MAX_KEYS, MAX_LENGTH

Kind = Literal["status", "hours", "special_hours", "timezones", "labels"]

_LABELS = "labels"  # begins the name of a labels file
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
    "labels": (("store_id",),),
}
_TOLD_BY_COLUMNS = tuple(kind for kind in _COLUMNS if kind != "labels")
_OF_FILES = {"valid_from", *(name for names in chain(*_COLUMNS.values()) for name in names)}
_NAMES: dict[Kind, str] = {
    "status": "a status file",
    "hours": "an hours file",
    "special_hours": "a special hours file",
    "timezones": "a time zones file",
    "labels": "a labels file",
}


def find_optional_column(header: Sequence[str], kind: Kind, name: str) -> int | None:
    """Return the position of a column that the kind may have, or None.

    Raise FileRefused if it is there more than once.
    """
    if header.count(name) > 1:
        raise FileRefused(f"not {_NAMES[kind]}: more than one column {name}")
    return header.index(name) if name in header else None


def kind_of(header: Sequence[str], name: str) -> Kind:
    """Return the kind of file that has this name and these columns; of several the first of `Kind`.

    Raise FileRefused if no kind has.
    """
    if name.lower().startswith(_LABELS):
        return "labels"
    for kind in _TOLD_BY_COLUMNS:
        if all(any(name in header for name in names) for names in _COLUMNS[kind]):
            return kind
    needs = [f"{_NAMES[kind]} needs {needed_columns(kind)}" for kind in _TOLD_BY_COLUMNS]
    named = f"the name of {_NAMES['labels']} begins with {_LABELS}"
    raise FileRefused(f"no kind of file has the columns of this one: {'; '.join([*needs, named])}")


def needed_columns(kind: Kind) -> str:
    """Return the columns that a file of this kind must have, in words."""
    return _listed(_COLUMNS[kind])


def find_label_columns(header: Sequence[str]) -> dict[str, int]:
    """Return the labels of a labels file, its columns beside `store_id`, with their positions.

    Raise FileRefused; it repeats no name but those of other files' columns.
    """
    keys = {name: place for place, name in enumerate(header) if name != "store_id"}
    others = [name for name in header if name in _OF_FILES and name != "store_id"]
    doubled = [place for name, place in keys.items() if header.index(name) != place]
    problems = (
        (not keys, "no column beside store_id; each other column is a label, such as region"),
        (len(keys) > MAX_KEYS, f"{len(keys)} columns beside store_id; {MAX_KEYS} are the most"),
        ("" in keys, "a column has no name"),
        (bool(others), f"{', '.join(others)}: a column of other files, and no label"),
        (bool(doubled), f"column {1 + min(doubled, default=0)} has the name of one before"),
        (
            any(len(key) > MAX_LENGTH for key in keys),
            f"a column's name is longer than {MAX_LENGTH} characters",
        ),
        (
            any("=" in key or not key.isprintable() for key in keys),
            "a column's name holds an equals sign, a line end or the like",
        ),
    )
    for is_so, problem in problems:
        if is_so:
            raise FileRefused(f"not {_NAMES['labels']}: {problem}")
    return keys


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
