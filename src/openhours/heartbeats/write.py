"""Writing heartbeats: a group in one statement, each also an observation of its store."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any, NamedTuple

import asyncpg
from sqlalchemy.ext.asyncio import AsyncEngine

from openhours.agent.names import PREFIX
from openhours.db.engine import raw_connection
from openhours.errors import Unavailable
from openhours.stores import partitions
from openhours.stores.tables import BEATING
from openhours.stores.write import ensure_stores
from openhours.times import to_us

_MAX_KNOWN_PCS = 100_000

# Sorted, so that two processes that write the same beats wait for each other, not in a circle.
_INSERT = """
WITH beats AS (
    INSERT INTO heartbeats (store, event_time, beat_id)
    SELECT store, event_time, beat_id
    FROM unnest($1::int4[], $2::timestamptz[], $3::text[]) AS b (store, event_time, beat_id)
    ORDER BY store, beat_id, event_time
    ON CONFLICT (store, beat_id) WHERE beat_id IS NOT NULL DO NOTHING
    RETURNING id, store, event_time, beat_id
), observed AS (
    INSERT INTO observations (store, observed_at, active)
    SELECT store, event_time, true FROM beats ORDER BY store, event_time
    ON CONFLICT DO NOTHING
)
SELECT id, store, event_time, beat_id FROM beats
"""
_FIND = """
SELECT h.id, h.store, h.event_time, h.beat_id
FROM unnest($1::int4[], $2::text[]) AS b (store, beat_id)
JOIN heartbeats h ON h.store = b.store AND h.beat_id = b.beat_id
"""
_LOCK_STORES = "SELECT FROM stores WHERE id = ANY($1::int4[]) ORDER BY id FOR NO KEY UPDATE"
_NOTE_STORES = """
UPDATE stores s SET feed = $3, first_observed_at = b.first
FROM unnest($1::int4[], $2::timestamptz[]) AS b (store, first)
WHERE s.id = b.store AND (s.first_observed_at IS NULL OR s.first_observed_at > b.first)
"""


class Beat(NamedTuple):
    """Heartbeat to write; `beat_id` is the client's own id, if it gave one."""

    pc: str
    event_time: datetime
    beat_id: str | None


class Recorded(NamedTuple):
    """Durable heartbeat. If it was sent before, this is what was recorded the first time."""

    id: int
    event_time: datetime


class _Known(NamedTuple):
    """PC as this process knows it; in the database its first heartbeat may be earlier."""

    store: int
    first: datetime


class Writer:
    """Writes groups of heartbeats; to be used by one group commit."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine
        self._pcs: dict[str, _Known] = {}
        self._weeks: set[int] = set()

    async def write(self, beats: Sequence[Beat]) -> list[Recorded | Exception]:
        """Commit the heartbeats and return what was recorded, in order.

        In the place of each whose week cannot be written now there is an Unavailable.
        """
        async with self._engine.connect() as connection:
            raw = await raw_connection(connection)
            try:
                return await self._write(raw, beats)
            except asyncpg.CheckViolationError:
                # A week that was there before has been dropped with the old data.
                self._weeks.clear()
                return await self._write(raw, beats)

    async def _write(
        self, raw: "asyncpg.Connection[Any]", beats: Sequence[Beat]
    ) -> list[Recorded | Exception]:
        weeks = [partitions.week_of(to_us(beat.event_time)) for beat in beats]
        busy = await self._ensure(raw, weeks)
        if not busy:
            return await self._insert(raw, beats)
        writable = [beat for beat, week in zip(beats, weeks, strict=True) if week not in busy]
        done = iter(await self._insert(raw, writable))
        return [busy[week] if week in busy else next(done) for week in weeks]

    async def _ensure(
        self, raw: "asyncpg.Connection[Any]", weeks: Iterable[int]
    ) -> dict[int, Unavailable]:
        busy = {}
        for week in sorted(set(weeks) - self._weeks):
            try:
                await partitions.ensure(raw, week)
                self._weeks.add(week)
            except Unavailable as error:
                busy[week] = error
        return busy

    async def _insert(
        self, raw: "asyncpg.Connection[Any]", beats: Sequence[Beat]
    ) -> list[Recorded | Exception]:
        known = self._pcs
        if all(beat.pc in known and beat.event_time >= known[beat.pc].first for beat in beats):
            stores = [known[beat.pc].store for beat in beats]
            rows = await _insert_beats(raw, stores, beats)
        else:
            async with raw.transaction():
                ids = await ensure_stores(raw, [PREFIX + pc for pc in {beat.pc for beat in beats}])
                stores = [ids[PREFIX + beat.pc] for beat in beats]
                rows = await _insert_beats(raw, stores, beats)
                firsts = await _note_stores(raw, rows)
            self._remember(beats, stores, firsts)
        return await _match(raw, stores, beats, rows)

    def _remember(
        self, beats: Sequence[Beat], stores: Sequence[int], firsts: dict[int, datetime]
    ) -> None:
        """Remember the PCs of committed heartbeats; `firsts` has only stores that got some."""
        if len(self._pcs) > _MAX_KNOWN_PCS:
            self._pcs.clear()
        for beat, store in zip(beats, stores, strict=True):
            if store in firsts:
                before = self._pcs.get(beat.pc)
                first = firsts[store] if before is None else min(firsts[store], before.first)
                self._pcs[beat.pc] = _Known(store, first)


async def _insert_beats(
    raw: "asyncpg.Connection[Any]", stores: Sequence[int], beats: Sequence[Beat]
) -> list[asyncpg.Record]:
    times, ids = [beat.event_time for beat in beats], [beat.beat_id for beat in beats]
    return list(await raw.fetch(_INSERT, stores, times, ids))


async def _note_stores(
    raw: "asyncpg.Connection[Any]", rows: Sequence[asyncpg.Record]
) -> dict[int, datetime]:
    """Store the first heartbeat of each store where it is earlier; return the rows' firsts."""
    firsts: dict[int, datetime] = {}
    for row in rows:
        firsts[row["store"]] = min(row["event_time"], firsts.get(row["store"], row["event_time"]))
    await raw.execute(_LOCK_STORES, list(firsts))
    await raw.execute(_NOTE_STORES, list(firsts), list(firsts.values()), BEATING)
    return firsts


async def _match(
    raw: "asyncpg.Connection[Any]",
    stores: Sequence[int],
    beats: Sequence[Beat],
    rows: Sequence[asyncpg.Record],
) -> list[Recorded | Exception]:
    """Return for each heartbeat its row, reading those that were inserted before."""
    named: dict[tuple[int, str], Recorded] = {}
    nameless: dict[tuple[int, datetime], list[Recorded]] = defaultdict(list)

    def take(found: Sequence[asyncpg.Record]) -> None:
        for heartbeat_id, store, event_time, beat_id in found:
            recorded = Recorded(heartbeat_id, event_time)
            if beat_id is None:
                nameless[store, event_time].append(recorded)
            else:
                named[store, beat_id] = recorded

    take(rows)
    repeated = {
        (store, beat.beat_id)
        for store, beat in zip(stores, beats, strict=True)
        if beat.beat_id is not None and (store, beat.beat_id) not in named
    }
    if repeated:
        take(await raw.fetch(_FIND, *(list(column) for column in zip(*repeated, strict=True))))
    gone = Unavailable("the heartbeat with this beat_id is being deleted; try again")
    return [
        nameless[store, beat.event_time].pop()
        if beat.beat_id is None
        else named.get((store, beat.beat_id), gone)
        for store, beat in zip(stores, beats, strict=True)
    ]
