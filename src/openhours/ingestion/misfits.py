"""Stores that are active at other hours than they are open, by their polls of the last week."""

from collections.abc import Iterator
from dataclasses import dataclass
from operator import itemgetter
from typing import Any
from zlib import crc32

import asyncpg
import numpy as np

from openhours.stores.columns import positions, read_week_hours_of
from openhours.stores.packs import BLOCK, Polls, days_with_rows, read_packs
from openhours.stores.tables import POLLED
from openhours.times import DAY, HOUR, to_us
from openhours.uptime.axis import Int64
from openhours.uptime.dates import NO_SPECIAL_HOURS
from openhours.uptime.fit import MAX_SHIFT, Misfits, misfits
from openhours.uptime.hours import open_time

# So many stores are checked after a file, and after the end of one that has grown: each takes some
# 50 µs, and an hour's polls should not wait for them.
MAX_STORES = 1_024
FEW_STORES = 256


@dataclass(frozen=True)
class Checked:
    """Stores that were checked, with the name of their zone, and those that do not fit."""

    store_ids: list[str]
    zones: list[str]
    found: Misfits

    def described(self, limit: int) -> Iterator[tuple[str, str]]:
        """Yield the first stores that do not fit, each with what is wrong."""
        columns = (column[:limit].tolist() for column in vars(self.found).values())
        for store, shift, outside, left in zip(*columns, strict=True):
            hours = "1 hour" if abs(shift) == 1 else f"{abs(shift)} hours"
            yield (
                self.store_ids[store],
                f"{self.zones[store]}: {outside:.0%} of its active polls are outside of its hours,"
                f" {left:.0%} if it opened {hours} {'later' if shift > 0 else 'earlier'}",
            )


async def check_zones(
    connection: "asyncpg.Connection[Any]", default_zone: str, turn: int, most: int
) -> Checked | None:
    """Check polled stores that have business hours, `most` of them: `turn` decides which.

    Return None where there is nothing to check.
    """
    newest = await connection.fetchval("SELECT newest_at FROM feed_clocks WHERE feed = $1", POLLED)
    stores = [] if newest is None else await _some_stores(connection, default_zone, turn, most)
    if not stores:
        return None
    ids = np.array([row["id"] for row in stores], np.int64)
    names = [row["zone"] for row in stores]
    zones, zone = np.unique(names, return_inverse=True)
    first, last = int(ids[0]), int(ids[-1])
    week = await read_week_hours_of(connection, ids, "store BETWEEN $1 AND $2", first, last)
    until = to_us(newest)
    polls = await _read_active(connection, ids, until - 7 * DAY, until)
    bounds = range(until - 7 * DAY, until + 1)
    opened = open_time(
        week,
        NO_SPECIAL_HOURS,
        zone.astype(np.int64),
        zones.tolist(),
        bounds.start - MAX_SHIFT * HOUR,
        bounds.stop + MAX_SHIFT * HOUR,
    )
    found = misfits(polls.store, polls.at, opened, len(ids), bounds)
    return Checked([row["store_id"] for row in stores], names, found)


async def _some_stores(
    connection: "asyncpg.Connection[Any]", default_zone: str, turn: int, most: int
) -> list[asyncpg.Record]:
    """Return `id, store_id, zone` of `most` polled stores with hours, or of all, by their id.

    They follow each other, from one on that is another one each time, or are the last ones.
    """
    last = await connection.fetchval("SELECT max(id) FROM stores")
    start = crc32(str(turn).encode()) % (last + 1)
    found: list[asyncpg.Record] = []
    for first, order in ((start, "id"), (0, "id DESC")):
        if len(found) < most:
            # Not EXISTS: while a table has no statistics, that reads the hours of all stores.
            found = await connection.fetch(
                f"""
                SELECT id, store_id, coalesce(timezone, $2) AS zone FROM stores s
                WHERE id >= $3 AND feed = $1
                  AND (SELECT true FROM business_hours h WHERE h.store = s.id LIMIT 1)
                ORDER BY {order} LIMIT $4
                """,  # noqa: S608  fixed texts
                POLLED,
                default_zone,
                first,
                most,
            )
    return sorted(found, key=itemgetter("id"))


async def _read_active(
    connection: "asyncpg.Connection[Any]", ids: Int64, since: int, until: int
) -> Polls:
    """Return the active polls of stores in [since, until] (µs), by the stores' positions."""
    # Days that are not packed are left out: reading their rows takes long.
    days = await days_with_rows(connection, since // DAY, until // DAY)
    polls = await read_packs(connection, days.packed, np.unique(ids // BLOCK).tolist())
    store = positions(ids, polls.store)
    polls = polls._replace(store=store)
    return polls.of(polls.active & (store >= 0) & (polls.at >= since) & (polls.at <= until))
