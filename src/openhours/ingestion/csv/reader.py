"""Reading status, hours and time zones files: good rows as columns, bad ones with their reason.

Pure of any database. `open_source` opens a file, `kind_of` tells which of the three it is, and
`read_status`, `read_hours` and `read_timezones` yield its rows in blocks, in the file's order.
In every block `rows` = good rows + rejects; a blank line is no row.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from openhours.ingestion.csv import checks
from openhours.ingestion.csv.blocks import Batch, Places, batches
from openhours.ingestion.csv.reasons import FileRefused, Reason, Reject
from openhours.ingestion.csv.records import raw_record, record_at
from openhours.ingestion.csv.source import Position, Source, open_source
from openhours.stores.store_ids import store_id_problem

__all__ = [
    "FileRefused",
    "HoursBlock",
    "Kind",
    "Position",
    "Reason",
    "Reject",
    "Source",
    "StatusBlock",
    "TimezonesBlock",
    "kind_of",
    "open_source",
    "read_hours",
    "read_status",
    "read_timezones",
]

Kind = Literal["status", "hours", "timezones"]

# Each column with the names it may have.
_COLUMNS: dict[Kind, tuple[tuple[str, ...], ...]] = {
    "status": (("store_id",), ("timestamp_utc",), ("status",)),
    "hours": (
        ("store_id",),
        ("day", "dayOfWeek"),
        ("start_time_local",),
        ("end_time_local",),
    ),
    "timezones": (("store_id",), ("timezone_str",)),
}
_NAMES: dict[Kind, str] = {"status": "status", "hours": "hours", "timezones": "time zones"}
_SHOWN = 300  # characters of a header that a message repeats


@dataclass(frozen=True, slots=True)
class StatusBlock:
    """Polls: for row i, store `store_ids[store[i]]` was active or not at `at[i]`.

    rows: good and rejected ones
    store_ids: distinct, each with at least one good row here
    store, at, active: one value a good row; `at` in µs since 1970 UTC
    rejects: by line
    """

    rows: int
    store_ids: list[str]
    store: NDArray[np.int32]
    at: NDArray[np.int64]
    active: NDArray[np.bool_]
    rejects: list[Reject]


@dataclass(frozen=True, slots=True)
class HoursBlock:
    """Business hours: on `day[i]`, store `store_ids[store[i]]` is open from `opens` to `closes`.

    day: 0 = Monday; opens, closes: µs since local midnight as written, `closes` up to 24 h
    line, raw: where and how each good row is written, for when its store has a bad one, too
    spoilt: the stores that rejected rows name, as far as these rows can be read
    """

    rows: int
    store_ids: list[str]
    store: NDArray[np.int32]
    day: NDArray[np.int64]
    opens: NDArray[np.int64]
    closes: NDArray[np.int64]
    line: NDArray[np.int64]
    raw: list[bytes]
    rejects: list[Reject]
    spoilt: frozenset[str]


@dataclass(frozen=True, slots=True)
class TimezonesBlock:
    """Time zones: store `store_ids[store[i]]` is in `zones[zone[i]]`, an IANA name."""

    rows: int
    store_ids: list[str]
    store: NDArray[np.int32]
    zones: list[str]
    zone: NDArray[np.int32]
    line: NDArray[np.int64]
    rejects: list[Reject]


def kind_of(header: Sequence[str]) -> Kind:
    """What kind of file has these columns; status before hours before time zones.

    Raises FileRefused if it is none of them.
    """
    for kind, columns in _COLUMNS.items():
        if all(any(name in header for name in names) for names in columns):
            return kind
    needs = "; ".join(f"{_NAMES[kind]} need {_listed(_COLUMNS[kind])}" for kind in _COLUMNS)
    raise FileRefused(f"none of our files: {needs} (found: {_found(header)})")


def read_status(source: Source, now: int) -> Iterator[StatusBlock]:
    """The polls of a status file; `now` in µs since 1970 UTC.

    Raises FileRefused: at once if columns are missing, while reading if the file is damaged.
    """
    columns = _columns_of(source.header, "status")
    return (_status_block(batch, now) for batch in batches(source, columns))


def read_hours(source: Source) -> Iterator[HoursBlock]:
    """The rows of an hours file; raises as `read_status` does."""
    columns = _columns_of(source.header, "hours")
    return (_hours_block(batch, columns[0]) for batch in batches(source, columns))


def read_timezones(source: Source) -> Iterator[TimezonesBlock]:
    """The rows of a time zones file; raises as `read_status` does."""
    columns = _columns_of(source.header, "timezones")
    return (_timezones_block(batch) for batch in batches(source, columns))


def _columns_of(header: Sequence[str], kind: Kind) -> list[int]:
    """Where the needed columns stand in the header."""
    refused = f"not a {_NAMES[kind]} file"
    found = f"(found: {_found(header)})"
    missing = [names for names in _COLUMNS[kind] if not any(name in header for name in names)]
    if missing:
        noun = "column" if len(missing) == 1 else "columns"
        raise FileRefused(f"{refused}: no {noun} {_listed(missing)} {found}")
    places = []
    for names in _COLUMNS[kind]:
        standing = [place for place, name in enumerate(header) if name in names]
        if len(standing) > 1:
            raise FileRefused(f"{refused}: more than one column {_listed([names])} {found}")
        places += standing
    return places


def _listed(columns: Sequence[tuple[str, ...]]) -> str:
    return ", ".join(" or ".join(names) for names in columns)


def _found(header: Sequence[str]) -> str:
    found = ", ".join(header)
    return found if len(found) <= _SHOWN else found[:_SHOWN] + "…"


def _status_block(batch: Batch, now: int) -> StatusBlock:
    store_column, at_column, status_column = batch.columns
    store, store_ids, id_faults = checks.check_store_ids(store_column, polled=True)
    at, at_faults = checks.check_instants(at_column, now)
    active, status_faults = checks.check_statuses(status_column)
    fault = checks.first_fault(id_faults, at_faults, status_faults)
    rows, rejects = len(fault) + len(batch.rejects), batch.rejects
    if fault.any():
        rejects = _rejects(batch, fault, batch.places())
        good = fault == 0
        store_ids, store = _used(store_ids, store[good])
        at, active = at[good], active[good]
    return StatusBlock(rows, store_ids, store, at, active, rejects)


def _hours_block(batch: Batch, store_column: int) -> HoursBlock:
    places = batch.places()
    store, store_ids, id_faults = checks.check_store_ids(batch.columns[0], polled=False)
    day, day_faults = checks.check_days(batch.columns[1])
    opens, open_faults = checks.check_times(batch.columns[2], end=False)
    closes, close_faults = checks.check_times(batch.columns[3], end=True)
    fault = checks.first_fault(id_faults, day_faults, open_faults, close_faults)
    rejects = _rejects(batch, fault, places)
    good = fault == 0
    spans = zip(places.starts[good].tolist(), places.ends[good].tolist(), strict=True)
    store_ids, store = _used(store_ids, store[good])
    spoilt = (_named_store(reject.raw, store_column) for reject in rejects)
    return HoursBlock(
        rows=len(fault) + len(batch.rejects),
        store_ids=store_ids,
        store=store,
        day=day[good],
        opens=opens[good],
        closes=closes[good],
        line=places.lines[good],
        raw=[raw_record(batch.data, start, end) for start, end in spans],
        rejects=rejects,
        spoilt=frozenset(store_id for store_id in spoilt if store_id is not None),
    )


def _timezones_block(batch: Batch) -> TimezonesBlock:
    places = batch.places()
    store, store_ids, id_faults = checks.check_store_ids(batch.columns[0], polled=False)
    zone, zones, zone_faults = checks.check_zones(batch.columns[1])
    fault = checks.first_fault(id_faults, zone_faults)
    rejects = _rejects(batch, fault, places)
    good = fault == 0
    store_ids, store = _used(store_ids, store[good])
    zones, zone = _used(zones, zone[good])
    return TimezonesBlock(
        rows=len(fault) + len(batch.rejects),
        store_ids=store_ids,
        store=store,
        zones=zones,
        zone=zone,
        line=places.lines[good],
        rejects=rejects,
    )


def _rejects(batch: Batch, fault: checks.Faults, places: Places) -> list[Reject]:
    """The batch's rejects and those of the rows at fault, by line."""
    bad = np.flatnonzero(fault)
    rows = zip(fault[bad].tolist(), *(part[bad].tolist() for part in places), strict=True)
    found = [
        Reject(line, checks.reason_of(code), raw_record(batch.data, start, end))
        for code, line, start, end in rows
    ]
    return sorted(batch.rejects + found)


def _used(values: list[str], codes: NDArray[np.int32]) -> tuple[list[str], NDArray[np.int32]]:
    """The values that codes still name, in their order, and the codes in these."""
    used = np.zeros(len(values), np.bool_)
    used[codes] = True
    renumbered = (np.cumsum(used) - 1).astype(np.int32)
    return [value for value, kept in zip(values, used, strict=True) if kept], renumbered[codes]


def _named_store(raw: bytes, column: int) -> str | None:
    """The store that a rejected row names where its id should stand."""
    record = record_at(raw + b"\n", 0, last=True)
    # Without an end to its quotes the row has no fields, but it begins with some.
    fields = (record and record.fields) or [part.strip(b'"') for part in raw.split(b",")]
    if column >= len(fields):
        return None
    store_id = fields[column].decode(errors="replace")
    return store_id if store_id_problem(store_id) is None else None
