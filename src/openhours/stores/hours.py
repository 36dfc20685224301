"""Business hours and time zone of one store, as a person writes them.

mon-fri 09:00-12:00 13:00-17:30 sat 10:00-14:00
daily 22:00-06:00
always, closed
"""

import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import date
from itertools import groupby
from typing import NamedTuple

import pytz
from sqlalchemy import delete, insert, select, update
from sqlalchemy.ext.asyncio import AsyncEngine

from openhours.db.engine import raw_connection
from openhours.errors import NotFound, invalid
from openhours.stores.store_ids import store_id_problem
from openhours.stores.tables import BusinessHours, Store
from openhours.stores.write import lock_store
from openhours.times import DAY, WEEKDAYS, format_time_of_day, parse_time_of_day
from openhours.uptime.dates import CLOSED

DAYS = tuple(day.lower() for day in WEEKDAYS)
# Of rows that have always been valid, as PostgreSQL's -infinity comes.
ALWAYS_VALID = date.min
_DAYS = re.compile(r"[a-z]+(?:-[a-z]+)?(?:,[a-z]+(?:-[a-z]+)?)*")


@dataclass(frozen=True, order=True)
class Row:
    """Opening on weekday `day` (0 = Monday) from `opens` to `closes`, µs since local midnight.

    Both are CLOSED where the store does not open.
    """

    day: int
    opens: int
    closes: int


# Weeks that have a word of their own.
_WEEKS = {
    "always": [Row(day, 0, DAY) for day in range(7)],
    "closed": [Row(day, CLOSED, CLOSED) for day in range(7)],
}


class Version(NamedTuple):
    """The hours that are valid from a local date on, or ALWAYS_VALID."""

    valid_from: date
    rows: list[Row]


@dataclass(frozen=True)
class StoreHours:
    """Hours and time zone of a store; no versions mean always open, no zone the default one.

    The first version holds before its date, too.
    """

    store_id: str
    timezone: str | None
    versions: list[Version]


def parse_week(words: Sequence[str]) -> list[Row]:
    """Return the rows of a week: days, then the times of these days, and so on.

    `always` and `closed` are weeks by themselves. Raise Invalid.
    """
    if len(words) == 1 and words[0].lower() in _WEEKS:
        return _WEEKS[words[0].lower()]
    rows: set[Row] = set()
    days: list[int] = []
    timed = True
    for word in words:
        if _DAYS.fullmatch(word.lower()):
            if not timed:
                raise invalid(f"times are missing before {word!r}")
            days, timed = _days(word.lower()), False
        elif not days:
            raise invalid(
                f"{word!r} is not a day: write mon-fri 09:00-17:30, daily 09:00-17:30, always or "
                "closed"
            )
        else:
            rows.update(Row(day, *parse_span(word)) for day in days)
            timed = True
    if not timed or not rows:
        raise invalid("times are missing, such as 09:00-17:30")
    return sorted(rows)


def _days(text: str) -> list[int]:
    if text == "daily":
        return list(range(7))
    days: list[int] = []
    for part in text.split(","):
        first, _, last = part.partition("-")
        for name in (first, last or first):
            if name not in DAYS:
                raise invalid(f"{name!r} is not a day: use {', '.join(DAYS)} or daily")
        start = DAYS.index(first)
        days += [(start + n) % 7 for n in range((DAYS.index(last or first) - start) % 7 + 1)]
    return days


def parse_span(text: str) -> tuple[int, int]:
    """Return opening and closing of `09:00-17:30`, in µs since local midnight. Raise Invalid."""
    opens, _, closes = text.partition("-")
    start, end = parse_time_of_day(opens), parse_time_of_day(closes)
    if start is None or end is None or start == DAY:
        raise invalid(f"{text!r} is not a time range, such as 09:00-17:30 or 22:00-24:00")
    return start, end


def written_span(opens: int, closes: int) -> str:
    """Return opening and closing as `parse_span` reads them."""
    return f"{format_time_of_day(opens)}-{format_time_of_day(closes)}"


def written(rows: Sequence[Row]) -> str:
    """Return the rows in words that `parse_week` reads; without any the store is always open."""
    times: dict[int, list[str]] = {}
    for row in sorted(rows):
        if row.opens != CLOSED:
            times.setdefault(row.day, []).append(written_span(row.opens, row.closes))
    if not times:
        return "closed" if rows else "always"
    if sorted(rows) == _WEEKS["always"]:
        return "always"
    parts: list[tuple[int, int, list[str]]] = []
    for day, texts in times.items():
        if parts and parts[-1][1] == day - 1 and parts[-1][2] == texts:
            parts[-1] = (parts[-1][0], day, texts)
        else:
            parts.append((day, day, texts))
    return "  ".join(
        " ".join([DAYS[first] if first == last else f"{DAYS[first]}-{DAYS[last]}", *texts])
        for first, last, texts in parts
    )


def version_on(versions: Sequence[Version], day: date) -> Version:
    """Return the hours that are valid on a local date, always open if there are no versions."""
    begun = [version for version in versions if version.valid_from <= day]
    return (begun[-1:] or list(versions[:1]) or [Version(ALWAYS_VALID, [])])[0]


async def set_hours(
    engine: AsyncEngine, store_id: str, rows: Sequence[Row], valid_from: date = ALWAYS_VALID
) -> None:
    """Replace the hours of a store that are valid from a date by these rows; others stay.

    Insert the store if it is missing. Raise Invalid.
    """
    _check_store_id(store_id)
    async with engine.begin() as connection:
        # Of two who set its hours at once, the second waits for the lock.
        store = await lock_store(await raw_connection(connection), store_id)
        version = {"store": store, "valid_from": valid_from}
        await connection.execute(delete(BusinessHours).filter_by(**version))
        values = [{**version, **asdict(row)} for row in rows]
        await connection.execute(insert(BusinessHours), values)


async def remove_hours(engine: AsyncEngine, store_id: str, valid_from: date) -> None:
    """Remove the hours of a store that are valid from a date.

    Raise NotFound if there are none, Invalid.
    """
    _check_store_id(store_id)
    store = select(Store.id).where(Store.store_id == store_id).scalar_subquery()
    version = (BusinessHours.store == store, BusinessHours.valid_from == valid_from)
    async with engine.begin() as connection:
        removed = await connection.execute(delete(BusinessHours).where(*version))
    if not removed.rowcount:
        begin = "have always been valid" if valid_from == ALWAYS_VALID else f"begin on {valid_from}"
        raise NotFound(f"store {store_id!r} has no hours that {begin}")


async def set_timezone(engine: AsyncEngine, store_id: str, timezone: str) -> None:
    """Replace the time zone of a store; insert the store if it is missing. Raise Invalid."""
    _check_store_id(store_id)
    if timezone not in pytz.all_timezones_set:
        raise invalid(f"{timezone!r} is not an IANA time zone, such as Europe/Berlin")
    async with engine.begin() as connection:
        store = await lock_store(await raw_connection(connection), store_id)
        await connection.execute(update(Store).where(Store.id == store).values(timezone=timezone))


async def hours_of(engine: AsyncEngine, store_id: str) -> StoreHours | None:
    """Return the hours and time zone of a store, or None if there is no such store."""
    if "\0" in store_id:  # no store's, and PostgreSQL would refuse the query
        return None
    async with engine.connect() as connection:
        query = select(Store.id, Store.timezone).where(Store.store_id == store_id)
        store = (await connection.execute(query)).one_or_none()
        if store is None:
            return None
        columns = (BusinessHours.day, BusinessHours.opens, BusinessHours.closes)
        hours = select(BusinessHours.valid_from, *columns)
        hours = hours.where(BusinessHours.store == store.id).order_by(BusinessHours.valid_from)
        rows = (await connection.execute(hours)).all()
    versions = [
        Version(valid_from, sorted(Row(*row[1:]) for row in version))
        for valid_from, version in groupby(rows, lambda row: row.valid_from)
    ]
    return StoreHours(store_id, store.timezone, versions)


def _check_store_id(store_id: str) -> None:
    if store_id_problem(store_id) is not None or "\0" in store_id:
        raise invalid(f"{store_id!r} is not a store id")
