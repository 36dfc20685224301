"""Writing heartbeats: a group in one statement."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple

import asyncpg
from sqlalchemy.ext.asyncio import AsyncEngine

from openhours.agent.names import PREFIX
from openhours.db.engine import raw_connection
from openhours.db.weekly import week_of
from openhours.errors import Unavailable
from openhours.stores.tables import BEATING, HEARTBEATS
from openhours.stores.write import ensure_stores
from openhours.times import to_us

_MAX_KNOWN_PCS = 100_000

# Sorted, so that two processes that write the same beats wait for each other, not in a circle.
# Without a `beat_id` there is no hash, and the heartbeat is a new one.
_INSERT = """
WITH sent AS MATERIALIZED (
    SELECT n, store, event_time, nextval('heartbeat_ids') AS id,
           hashtextextended(beat_id, store) AS hash
    FROM unnest($1::int4[], $2::timestamptz[], $3::text[]) WITH ORDINALITY
      AS b (store, event_time, beat_id, n)
), named AS (
    INSERT INTO beat_ids (hash, event_time, heartbeat)
    SELECT hash, event_time, id FROM sent WHERE hash IS NOT NULL ORDER BY hash
    ON CONFLICT DO NOTHING
    RETURNING heartbeat
), fresh AS MATERIALIZED (
    SELECT * FROM sent WHERE hash IS NULL OR id IN (SELECT heartbeat FROM named)
), written AS (
    INSERT INTO heartbeats (event_time, id, store)
    SELECT event_time, id, store FROM fresh ORDER BY event_time
)
SELECT n - 1 AS place, id, event_time FROM fresh
"""
_FIND = """
SELECT b.n - 1 AS place, i.heartbeat AS id, i.event_time
FROM unnest($1::int4[], $2::text[]) WITH ORDINALITY AS b (store, beat_id, n)
JOIN beat_ids i ON i.hash = hashtextextended(b.beat_id, b.store)
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
        """Commit the heartbeats and return what was recorded, in order."""
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
        for week in sorted({week_of(to_us(beat.event_time)) for beat in beats} - self._weeks):
            await HEARTBEATS.ensure(raw, week)
            self._weeks.add(week)
        known = self._pcs
        if all(beat.pc in known and beat.event_time >= known[beat.pc].first for beat in beats):
            stores = [known[beat.pc].store for beat in beats]
            rows = await _insert(raw, stores, beats)
        else:
            async with raw.transaction():
                ids = await ensure_stores(raw, [PREFIX + pc for pc in {beat.pc for beat in beats}])
                stores = [ids[PREFIX + beat.pc] for beat in beats]
                rows = await _insert(raw, stores, beats)
                firsts = await _note_stores(raw, stores, rows)
            self._remember(beats, stores, firsts)
        return await _recorded(raw, stores, beats, rows)

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


async def _insert(
    raw: "asyncpg.Connection[Any]", stores: Sequence[int], beats: Sequence[Beat]
) -> list[asyncpg.Record]:
    """Insert those that are new; return the `place` in `beats`, `id`, `event_time` of each."""
    times, ids = [beat.event_time for beat in beats], [beat.beat_id for beat in beats]
    return list(await raw.fetch(_INSERT, stores, times, ids))


async def _note_stores(
    raw: "asyncpg.Connection[Any]", stores: Sequence[int], rows: Sequence[asyncpg.Record]
) -> dict[int, datetime]:
    """Store the first heartbeat of each store where it is earlier; return the rows' firsts."""
    firsts: dict[int, datetime] = {}
    for place, _, event_time in rows:
        store = stores[place]
        firsts[store] = min(event_time, firsts.get(store, event_time))
    await raw.execute(_LOCK_STORES, list(firsts))
    await raw.execute(_NOTE_STORES, list(firsts), list(firsts.values()), BEATING)
    return firsts


async def _recorded(
    raw: "asyncpg.Connection[Any]",
    stores: Sequence[int],
    beats: Sequence[Beat],
    rows: Sequence[asyncpg.Record],
) -> list[Recorded | Exception]:
    """Return for each heartbeat what was recorded, reading those that were inserted before."""
    gone = Unavailable("the heartbeat with this beat_id is being deleted; try again")
    recorded: list[Recorded | Exception] = [gone] * len(beats)
    for place, heartbeat_id, event_time in rows:
        recorded[place] = Recorded(heartbeat_id, event_time)
    if len(rows) == len(beats):
        return recorded
    repeated = [place for place, one in enumerate(recorded) if one is gone]
    found = await raw.fetch(
        _FIND, [stores[place] for place in repeated], [beats[place].beat_id for place in repeated]
    )
    for n, heartbeat_id, event_time in found:
        recorded[repeated[n]] = Recorded(heartbeat_id, event_time)
    return recorded
