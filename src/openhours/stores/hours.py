"""Business hours and time zone of one store, as a person writes them.

mon-fri 09:00-12:00 13:00-17:30 sat 10:00-14:00
daily 22:00-06:00
always
"""

import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass

import pytz
from sqlalchemy import delete, insert, select, update
from sqlalchemy.ext.asyncio import AsyncEngine

from openhours.db.engine import raw_connection
from openhours.errors import invalid
from openhours.stores.store_ids import store_id_problem
from openhours.stores.tables import BusinessHours, Store
from openhours.stores.write import lock_store
from openhours.times import DAY, WEEKDAYS, format_time_of_day, parse_time_of_day

DAYS = tuple(day.lower() for day in WEEKDAYS)
_ALWAYS = "always"
_DAYS = re.compile(r"[a-z]+(?:-[a-z]+)?(?:,[a-z]+(?:-[a-z]+)?)*")


@dataclass(frozen=True, order=True)
class Row:
    """Opening on weekday `day` (0 = Monday) from `opens` to `closes`, µs since local midnight."""

    day: int
    opens: int
    closes: int


@dataclass(frozen=True)
class StoreHours:
    """Hours and time zone of a store; no rows mean always open, no zone means the default one."""

    store_id: str
    timezone: str | None
    rows: list[Row]


def parse_week(words: Sequence[str]) -> list[Row]:
    """Return the rows of a week: days, then the times of these days, and so on; none for `always`.

    Raise Invalid.
    """
    if [word.lower() for word in words] == [_ALWAYS]:
        return []
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
                f"{word!r} is not a day: write mon-fri 09:00-17:30, daily 09:00-17:30, or always"
            )
        else:
            rows.update(Row(day, *_times(word)) for day in days)
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


def _times(text: str) -> tuple[int, int]:
    opens, _, closes = text.partition("-")
    start, end = parse_time_of_day(opens), parse_time_of_day(closes)
    if start is None or end is None or start == DAY:
        raise invalid(f"{text!r} is not a time range, such as 09:00-17:30 or 22:00-24:00")
    return start, end


def written(rows: Sequence[Row]) -> str:
    """Return the rows in words that `parse_week` reads."""
    if not rows:
        return _ALWAYS
    times: dict[int, list[str]] = {}
    for row in sorted(rows):
        times.setdefault(row.day, []).append(
            f"{format_time_of_day(row.opens)}-{format_time_of_day(row.closes)}"
        )
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


async def set_hours(engine: AsyncEngine, store_id: str, rows: Sequence[Row]) -> None:
    """Replace the hours of a store; insert the store if it is missing. Raise Invalid."""
    _check_store_id(store_id)
    async with engine.begin() as connection:
        # Of two who set its hours at once, the second waits for the lock.
        store = await lock_store(await raw_connection(connection), store_id)
        await connection.execute(delete(BusinessHours).where(BusinessHours.store == store))
        if rows:
            values = [{"store": store, **asdict(row)} for row in rows]
            await connection.execute(insert(BusinessHours), values)


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
        hours = select(BusinessHours.day, BusinessHours.opens, BusinessHours.closes)
        rows = (await connection.execute(hours.where(BusinessHours.store == store.id))).all()
    return StoreHours(store_id, store.timezone, sorted(Row(*row) for row in rows))


def _check_store_id(store_id: str) -> None:
    if store_id_problem(store_id) is not None or "\0" in store_id:
        raise invalid(f"{store_id!r} is not a store id")
