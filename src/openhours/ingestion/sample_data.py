"""A small, deterministic sample with one of each awkward thing that real files hold."""

import csv
import gzip
import io
import random
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

_END = datetime(2022, 11, 8, 18, 0, 30, tzinfo=UTC)
_START = _END - timedelta(days=14)
# The clocks of all but Phoenix went back in the night to Sunday, 2022-11-06.
_ZONES = (
    "America/New_York",
    "America/Chicago",
    "America/Denver",
    "America/Los_Angeles",
    "America/Phoenix",
)

_REGIONS = dict(zip(_ZONES, ("east", "central", "mountain", "west", "southwest"), strict=True))
_BRANDS = ("Copper Kettle", "Blue Door", "Nine Lanterns", "Old Mill")
_STREETS = (
    "Elm Street", "Harbor Road", "Station Square", "Café Row", "Mill Lane", "Piñon Drive",
    "North Gate", "Orchard Way", "Bridge Street", "Union Park", "Castle Hill", "River Walk",
    "Maple Court", "Market Hall", "Airport, Level 2", "Lake Shore",
)  # fmt: skip

Hours = list[tuple[int, str, str]]

_EVERY_DAY = range(7)
_HOURS: tuple[Hours, ...] = (
    [(day, "09:00:00", "17:00:00") for day in _EVERY_DAY],
    # Lunch and dinner.
    [(day, *span) for day in _EVERY_DAY for span in (("11:00", "14:30"), ("17:00", "22:00"))],
    # Overnight in one row: it ends on the next day.
    [(day, "18:00:00", "02:00:00") for day in _EVERY_DAY],
    # Overnight split at midnight, which is written as 23:59:59.
    [
        (day, *span)
        for day in _EVERY_DAY
        for span in (("00:00:00", "01:00:00"), ("11:00:00", "23:59:59"))
    ],
    # Closed on Sundays; midnight as 23:59:00.
    [(day, "07:30:00", "23:59:00") for day in range(6)],
    # Open through the hour that happens twice.
    [(day, "00:00:00", "24:00:00") for day in _EVERY_DAY],
)


def store_ids(stores: int) -> list[str]:
    """Return the ids of the sample's stores; a smaller sample has the first of a larger one's."""
    return _ids(_generator(), stores)


def _generator() -> random.Random:
    return random.Random(20221108)  # noqa: S311  a sample, not a secret


def _ids(rng: random.Random, stores: int) -> list[str]:
    return [str(rng.randrange(10**18, 10**19)) for _ in range(stores)]


def write(folder: Path, stores: int) -> list[Path]:
    """Write `store_status.csv.gz`, `menu_hours.csv`, `timezones.csv`, `labels.csv`; their paths."""
    rng = _generator()
    folder.mkdir(parents=True, exist_ok=True)
    ids = _ids(rng, stores)
    without_hours, without_zone, never_open, without_labels = ids[:4]
    hours = {
        store: _HOURS[number % len(_HOURS)]
        for number, store in enumerate(ids)
        if store != without_hours
    }
    hours[never_open] = [(2, "03:20:00", "03:21:00")]  # a minute a week: no poll falls into it
    zones = {
        store: _ZONES[number % len(_ZONES)]
        for number, store in enumerate(ids)
        if store != without_zone
    }
    polls = [row for store in ids for row in _polls(rng, store, store == never_open)]
    # Two bad rows: an id after a spreadsheet, and a status that is none.
    polls[len(polls) // 3] = ("8.13992624246019E+018", *polls[len(polls) // 3][1:])
    polls[len(polls) // 2] = (*polls[len(polls) // 2][:2], "unknown")
    return [
        _write(folder / "store_status.csv.gz", ("store_id", "timestamp_utc", "status"), polls),
        _write(
            folder / "menu_hours.csv",
            ("store_id", "day", "start_time_local", "end_time_local"),
            ((store, *row) for store, rows in hours.items() for row in rows),
        ),
        _write(folder / "timezones.csv", ("store_id", "timezone_str"), zones.items()),
        _write(
            folder / "labels.csv",
            ("store_id", "name", "brand", "region"),
            (
                (store, *_name(number), _REGIONS.get(zones.get(store, ""), ""))
                for number, store in enumerate(ids)
                if store != without_labels
            ),
        ),
    ]


def _name(number: int) -> tuple[str, str]:
    """Return the name and the brand of a store; no two have one name."""
    again, place = divmod(number // len(_BRANDS), len(_STREETS))
    brand = _BRANDS[number % len(_BRANDS)]
    return f"{brand} {_STREETS[place]}" + (f" {again + 1}" if again else ""), brand


def _polls(rng: random.Random, store: str, on_the_hour: bool) -> list[tuple[str, str, str]]:
    """Return about one poll an hour, with gaps and outages."""
    fail, heal = rng.choice([0.005, 0.03, 0.15]), rng.choice([0.2, 0.5, 0.9])
    active = True
    rows = []
    instant = _START + timedelta(seconds=0 if on_the_hour else rng.randrange(3600))
    while instant <= _END:
        active = rng.random() >= fail if active else rng.random() < heal
        # As in the real files, the fraction comes and goes.
        shown = instant.isoformat(" ").removesuffix("+00:00")
        if rng.random() < 0.97:
            rows.append((store, f"{shown} UTC", "active" if active else "inactive"))
        jitter = 0 if on_the_hour else rng.randrange(-300, 300)
        instant += timedelta(seconds=3600 + jitter)
        if rng.random() < 0.05 and not on_the_hour:
            instant += timedelta(microseconds=rng.randrange(1_000_000))
    return rows


def _write(path: Path, header: Sequence[str], rows: Iterable[Sequence[object]]) -> Path:
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(header)
    writer.writerows(rows)
    data = out.getvalue().encode()
    # No time inside the archive: the same sample is the same bytes.
    path.write_bytes(gzip.compress(data, 9, mtime=0) if path.suffix == ".gz" else data)
    return path
