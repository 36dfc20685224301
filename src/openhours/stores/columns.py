"""Business hours as columns for the kernel, and stores as positions in them."""

from typing import Any

import asyncpg
import numpy as np

from openhours.db import bulk
from openhours.uptime.axis import Int64
from openhours.uptime.dates import WeekHours

_HOURS = {"store": "int4", "day": "int2", "opens": "int8", "closes": "int8", "valid_from": "date"}


def positions(ids: Int64, stores: Int64) -> Int64:
    """Return the position in `ids` (ascending) of each of `stores`, -1 where it has none."""
    if len(ids) == 0 or len(stores) == 0:
        return np.full(len(stores), -1, np.int64)
    low = min(int(ids[0]), int(stores.min()))
    high = max(int(ids[-1]), int(stores.max()))
    table = np.full(high - low + 1, -1, np.int64)
    table[ids - low] = np.arange(len(ids))
    return table[stores - low]


async def read_week_hours(
    connection: "asyncpg.Connection[Any]", source: str, *args: object
) -> WeekHours:
    """Return rows of hours, with database ids of their stores.

    `source` is a table with its conditions, whose arguments are `args`.
    """
    query = f"SELECT {', '.join(_HOURS)} FROM {source}"  # noqa: S608  our own texts
    rows = await bulk.copy_out(connection, query, _HOURS, *args)
    return WeekHours(**{name: column.astype(np.int64) for name, column in rows.items()})


async def read_week_hours_of(
    connection: "asyncpg.Connection[Any]", ids: Int64, which: str, *args: object
) -> WeekHours:
    """Return the business hours of the stores that are in `ids` (ascending), by their positions.

    `which` is a condition that all of them meet, on their database id, `store`.
    """
    week = await read_week_hours(connection, f"business_hours WHERE {which}", *args)
    store = positions(ids, week.store)
    named = store >= 0
    _, *others = (column[named] for column in vars(week).values())
    return WeekHours(store[named], *others)
