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
from openhours.reports.slices import (
    Ends,
    Slice,
    blocks_of_beats,
    condition,
    read_observations,
    read_packed_beats,
)
from openhours.stores.columns import positions, read_week_hours_of
from openhours.stores.queries import StoredCorrection, covers, read_corrections
from openhours.stores.tables import EVERY_STORE, POLLED
from openhours.times import from_days, from_us
from openhours.uptime.axis import Bool, Int64
from openhours.uptime.dates import EVERY, SpecialHours, WeekHours
from openhours.uptime.fill import Observations
from openhours.uptime.hours import dates_near


@dataclass(frozen=True)
class Columns:
    """The kernel's input for n stores; `store` columns are positions 0..n-1 in `ids`.

    `ids` are database ids, ascending; `zone` (n,) are positions in `zones`; `first_observed` (n,)
    is in µs UTC; `corrections` are in the order in which they were made, `covered` (corrections, n)
    says of which stores each is. `ends` is there if the observations are the ends of runs of
    heartbeats.
    """

    ids: Int64
    zone: Int64
    zones: list[str]
    first_observed: Int64
    hours: WeekHours
    special: SpecialHours
    observations: Observations
    ends: Ends | None
    corrections: Sequence[StoredCorrection]
    covered: Bool


async def read_slice(connection: "asyncpg.Connection[Any]", part: Slice) -> Columns:
    """Return the columns of a slice, in the snapshot of the connection's transaction.

    Only stores with an observation up to T have a place.
    """
    which, args = condition("id", part, 3)
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
    ends: Ends | None = None
    if part.packed_hours and blocks_of_beats(part):
        observations, ends = await read_packed_beats(connection, part, ids)
    else:
        observations = await read_observations(connection, part, ids)
    return Columns(
        ids=ids,
        zone=np.array([place[name] for name in zone_names], np.int64),
        zones=zones,
        first_observed=np.array([row["first_observed"] for row in stores], np.int64),
        hours=await read_hours(connection, part, ids),
        special=await read_special_hours(connection, part, ids),
        observations=observations,
        ends=ends,
        corrections=corrections,
        covered=await covers(connection, corrections, ids),
    )


async def read_hours(connection: "asyncpg.Connection[Any]", part: Slice, ids: Int64) -> WeekHours:
    """Return the business hours of the slice's stores that are in `ids` (ascending)."""
    which, args = condition("store", part, 1)
    return await read_week_hours_of(connection, ids, which, *args)


async def read_special_hours(
    connection: "asyncpg.Connection[Any]", part: Slice, ids: Int64
) -> SpecialHours:
    """Return the special hours near the lookback of the slice's stores that are in `ids`.

    `ids` are ascending; of polled stores those of every store, too.
    """
    dates = dates_near(part.as_of - part.lookback, part.as_of)
    which, args = condition("store", part, 3)
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
