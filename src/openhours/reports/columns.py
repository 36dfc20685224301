"""From the database to the kernel's columns: a slice of a feed's stores, as of T.

Raw asyncpg throughout: a report's child processes have no engine, and the rows come by binary COPY
or packed, without a Python object for each.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import asyncpg
import numpy as np

from openhours.db import bulk
from openhours.stores.columns import positions, read_week_hours_of
from openhours.stores.packs import BLOCK, Polls, packed_days, read_packs
from openhours.stores.queries import StoredCorrection, covers, read_corrections
from openhours.stores.tables import BEATING, EVERY_STORE, POLLED, WEEKLY
from openhours.times import DAY, HOUR, from_days, from_us
from openhours.uptime.axis import Bool, Int64
from openhours.uptime.dates import EVERY, SpecialHours, WeekHours
from openhours.uptime.fill import Observations
from openhours.uptime.hours import dates_near

# An inactive observation is sent a thousand years later than it was made. In hours, which have the
# same length in every session's time zone.
_LATER_HOURS = 8_760_000
_SENT = {
    POLLED: "CASE WHEN active THEN observed_at"
    f" ELSE observed_at + interval '{_LATER_HOURS} hours' END",
    BEATING: "event_time",
}
# Of fewer stores of a block that are asked for, rows are read: an index finds them.
_MIN_STORES_OF_A_BLOCK = 64


@dataclass(frozen=True)
class Slice:
    """Some stores of one feed: those with `first <= id <= last`, or those listed in `only`."""

    feed: str
    as_of: int  # µs since 1970
    lookback: int  # µs
    first: int
    last: int
    only: Sequence[int] | None
    default_timezone: str


@dataclass(frozen=True)
class Columns:
    """The kernel's input for n stores; `store` columns are positions 0..n-1 in `ids`.

    `ids` are database ids, ascending; `zone` (n,) are positions in `zones`; `first_observed` (n,)
    is in µs UTC; `corrections` are in the order in which they were made, `covered` (corrections, n)
    says of which stores each is.
    """

    ids: Int64
    zone: Int64
    zones: list[str]
    first_observed: Int64
    hours: WeekHours
    special: SpecialHours
    observations: Observations
    corrections: Sequence[StoredCorrection]
    covered: Bool


async def read_slice(connection: "asyncpg.Connection[Any]", part: Slice) -> Columns:
    """Return the columns of a slice, in the snapshot of the connection's transaction.

    Only stores with an observation up to T have a place.
    """
    which, args = _which("id", part, 3)
    stores = await connection.fetch(
        f"""
        SELECT id, coalesce(timezone, '') AS zone,
               (extract(epoch FROM first_observed_at) * 1000000)::int8 AS first_observed
        FROM stores WHERE feed = $1 AND first_observed_at <= $2 AND {which} ORDER BY id
        """,  # noqa: S608  `which` is one of two fixed texts
        part.feed,
        from_us(part.as_of),
        *args,
    )
    ids = np.array([row["id"] for row in stores], np.int64)
    zone_names = [row["zone"] or part.default_timezone for row in stores]
    zones = sorted(set(zone_names))
    place = {name: position for position, name in enumerate(zones)}
    corrections = await read_corrections(connection, part.as_of - part.lookback, part.as_of)
    return Columns(
        ids=ids,
        zone=np.array([place[name] for name in zone_names], np.int64),
        zones=zones,
        first_observed=np.array([row["first_observed"] for row in stores], np.int64),
        hours=await read_hours(connection, part, ids),
        special=await read_special_hours(connection, part, ids),
        observations=await read_observations(connection, part, ids),
        corrections=corrections,
        covered=await covers(connection, corrections, ids),
    )


def _which(column: str, part: Slice, first: int) -> tuple[str, tuple[object, ...]]:
    """Return a condition on database ids of stores, and its arguments, from `$first` on."""
    if part.only is not None:
        return f"{column} = ANY(${first}::int4[])", (list(part.only),)
    return f"{column} BETWEEN ${first} AND ${first + 1}", (part.first, part.last)


async def read_hours(connection: "asyncpg.Connection[Any]", part: Slice, ids: Int64) -> WeekHours:
    """Return the business hours of the slice's stores that are in `ids` (ascending)."""
    which, args = _which("store", part, 1)
    return await read_week_hours_of(connection, ids, which, *args)


async def read_special_hours(
    connection: "asyncpg.Connection[Any]", part: Slice, ids: Int64
) -> SpecialHours:
    """Return the special hours near the lookback of the slice's stores that are in `ids`.

    `ids` are ascending; of polled stores those of every store, too.
    """
    dates = dates_near(part.as_of - part.lookback, part.as_of)
    which, args = _which("store", part, 3)
    if part.feed == POLLED:
        which = f"({which} OR store = {EVERY_STORE})"
    rows = await bulk.copy_out(
        connection,
        f"""
        SELECT store, date, opens, closes FROM special_hours
        WHERE date >= $1 AND date < $2 AND {which}
        """,  # noqa: S608
        {"store": "int4", "date": "date", "opens": "int8", "closes": "int8"},
        from_days(dates.start),
        from_days(dates.stop),
        *args,
    )
    of_every = rows["store"] == EVERY_STORE
    store = np.where(of_every, EVERY, positions(ids, rows["store"]))
    kept = of_every | (store >= 0)
    return SpecialHours(store[kept], rows["date"][kept], rows["opens"][kept], rows["closes"][kept])


async def read_observations(
    connection: "asyncpg.Connection[Any]", part: Slice, ids: Int64
) -> Observations:
    """Return the observations in the lookback of the slice's stores that are in `ids` (ascending).

    The connection must be in a transaction.
    """
    since, beyond = part.as_of - part.lookback, part.as_of + 1
    blocks = _blocks_to_read(part)
    days = await packed_days(connection, since // DAY, part.as_of // DAY) if blocks else []
    polls = await read_packs(connection, days, blocks)
    inside = (polls.at >= since) & (polls.at < beyond)
    found = [polls if inside.all() else polls.of(inside)]
    for start, end in _others(days, since, beyond):
        found.append(await _read_rows(connection, part, start, end))
    polls = Polls(*(np.concatenate(columns) for columns in zip(*found, strict=True)))
    polls = polls._replace(store=positions(ids, polls.store))
    named = polls.store >= 0
    return _sorted(*(polls if named.all() else polls.of(named)))


def _blocks_to_read(part: Slice) -> Sequence[int]:
    """Return the blocks in which packs have the slice's stores; none where rows are faster."""
    if part.feed != POLLED:
        return []
    if part.only is None:
        return range(part.first // BLOCK, part.last // BLOCK + 1)
    blocks = sorted({store // BLOCK for store in part.only})
    return blocks if len(part.only) >= len(blocks) * _MIN_STORES_OF_A_BLOCK else []


def _others(days: Sequence[int], since: int, beyond: int) -> list[tuple[int, int]]:
    """Return the stretches of [since, beyond) (µs) outside of some days (sorted)."""
    found = []
    for day in days:
        if since < day * DAY:
            found.append((since, day * DAY))
        since = (day + 1) * DAY
    return [*found, (since, beyond)] if since < beyond else found


async def _read_rows(
    connection: "asyncpg.Connection[Any]", part: Slice, since: int, beyond: int
) -> Polls:
    """Return the observations of the slice's stores in [since, beyond) (µs), in no order."""
    # After some slices PostgreSQL would plan for any slice: without its stores and instants it
    # takes the key for the better index, and reads whole weeks of all stores each time.
    await connection.execute("SET LOCAL plan_cache_mode = force_custom_plan")
    which, args = _which("store", part, 3)
    # Packed by the server, eight bytes an observation: a row each would cost three times as much,
    # and a second column, or groups, for the status up to a third more.
    table = WEEKLY[part.feed]
    groups = await connection.fetch(
        f"""
        SELECT store, string_agg(timestamptz_send({_SENT[part.feed]}), NULL) AS instants
        FROM {table.name} WHERE {table.instant} >= $1 AND {table.instant} < $2 AND {which}
        GROUP BY store
        """,  # noqa: S608
        from_us(since),
        from_us(beyond),
        *args,
    )
    at = bulk.instants(b"".join(group["instants"] for group in groups))
    counts = [len(group["instants"]) // bulk.INSTANT_BYTES for group in groups]
    later = _LATER_HOURS * HOUR
    active = at < later
    return Polls(
        store=np.repeat(np.array([group["store"] for group in groups], np.int64), counts),
        at=np.where(active, at, at - later),
        active=active,
    )


def _sorted(store: Int64, at: Int64, active: Bool) -> Observations:
    """Sort by (store, instant): both in one integer, since sorting one array is fast."""
    if len(at) == 0:
        return Observations(store=store, at=at, active=active)
    origin = int(at.min())
    bits = max(1, int(at.max() - origin).bit_length())
    if bits + max(1, int(store.max()).bit_length()) > 62:
        raise OverflowError("too many stores at once for the lookback: make smaller slices")
    keys = np.sort((((store << bits) | (at - origin)) << 1) | active)
    # A PC may have sent several heartbeats of one instant.
    keys = keys[np.diff(keys, prepend=-1) != 0]
    active = (keys & 1).astype(np.bool_)
    keys >>= 1
    return Observations(store=keys >> bits, at=(keys & ((1 << bits) - 1)) + origin, active=active)
