"""Business hours and time zones of one store at a time, as a person writes them.

mon-fri 09:00-12:00 13:00-17:30 sat 10:00-14:00
daily 22:00-06:00
always
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import asyncpg
import pytz
from sqlalchemy.ext.asyncio import AsyncEngine

from openhours.db.engine import raw_connection
from openhours.errors import invalid
from openhours.stores.store_ids import numbers_of, store_id_problem
from openhours.times import DAY, WEEKDAYS, format_time_of_day, parse_time_of_day

DAYS = tuple(day.lower() for day in WEEKDAYS)
_ALWAYS = "always"
_DAYS = re.compile(r"[a-z]+(?:-[a-z]+)?(?:,[a-z]+(?:-[a-z]+)?)*")


@dataclass(frozen=True, order=True)
class Row:
    """On weekday `day` (0 = Monday) open from `opens` to `closes`, µs since local midnight."""

    day: int
    opens: int
    closes: int


@dataclass(frozen=True)
class StoreHours:
    """What is known of a store; no rows mean always open, no zone means the default one."""

    store_id: str
    timezone: str | None
    rows: list[Row]


def parse_week(words: Sequence[str]) -> list[Row]:
    """The rows of a week: days, then the times of these days, and so on; none for `always`.

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
            raise invalid(f"{word!r} is no day: mon-fri 09:00-17:30, daily …, or always")
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
                raise invalid(f"{name!r} is no day: {', '.join(DAYS)} or daily")
        start = DAYS.index(first)
        days += [(start + n) % 7 for n in range((DAYS.index(last or first) - start) % 7 + 1)]
    return days


def _times(text: str) -> tuple[int, int]:
    opens, _, closes = text.partition("-")
    start, end = parse_time_of_day(opens), parse_time_of_day(closes)
    if start is None or end is None or start == DAY:
        raise invalid(f"{text!r} are no times, such as 09:00-17:30 or 22:00-24:00")
    return start, end


def written(rows: Sequence[Row]) -> str:
    """The rows in words that `parse_week` reads."""
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
    """Replace the hours of a store, which is made if there is none. Raise Invalid."""
    async with engine.begin() as connection:
        raw = await raw_connection(connection)
        number = await _locked_store(raw, store_id)
        await raw.execute("DELETE FROM business_hours WHERE store = $1", number)
        await raw.executemany(
            "INSERT INTO business_hours (store, day, opens, closes) VALUES ($1, $2, $3, $4)",
            [(number, row.day, row.opens, row.closes) for row in rows],
        )


async def set_timezone(engine: AsyncEngine, store_id: str, timezone: str) -> None:
    """Replace the time zone of a store, which is made if there is none. Raise Invalid."""
    if timezone not in pytz.all_timezones_set:
        raise invalid(f"{timezone!r} is no IANA time zone, such as Europe/Berlin")
    async with engine.begin() as connection:
        raw = await raw_connection(connection)
        number = await _locked_store(raw, store_id)
        await raw.execute("UPDATE stores SET timezone = $2 WHERE id = $1", number, timezone)


async def hours_of(engine: AsyncEngine, store_id: str) -> StoreHours | None:
    """What is known of a store; None if there is no such store."""
    async with engine.connect() as connection:
        raw = await raw_connection(connection)
        # An id with NUL is no store's, and PostgreSQL would refuse the question.
        store = await raw.fetchrow(
            "SELECT id, timezone FROM stores WHERE store_id = $1", store_id.replace("\0", "")
        )
        if store is None:
            return None
        rows = await raw.fetch(
            "SELECT day, opens, closes FROM business_hours WHERE store = $1", store["id"]
        )
    return StoreHours(store_id, store["timezone"], sorted(Row(*row) for row in rows))


async def _locked_store(raw: "asyncpg.Connection[Any]", store_id: str) -> int:
    """The store's number; of two who set its hours at once, the second waits."""
    if store_id_problem(store_id) is not None or "\0" in store_id:
        raise invalid(f"{store_id!r} is no store id")
    number = (await numbers_of(raw, [store_id]))[store_id]
    await raw.execute("SELECT FROM stores WHERE id = $1 FOR NO KEY UPDATE", number)
    return number
