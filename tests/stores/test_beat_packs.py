"""Hours of heartbeats are packed when they are over, and read from rows when they were changed."""

import asyncio
from datetime import datetime, timedelta

import asyncpg
import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from openhours.db.engine import migrate
from openhours.db.weekly import WeeklyTable
from openhours.heartbeats.retention import prune_heartbeats
from openhours.heartbeats.write import Beat, Writer
from openhours.settings import Settings
from openhours.stores import beat_packs
from openhours.times import HOUR, from_us, now, to_us
from tests.helpers.database import downgrade, fetch, on_engine
from tests.stores.beats import PCS, START, Connection, beat, empty, with_connections

pytestmark = pytest.mark.slow


def hours(url: str) -> list[str]:
    """The packed hours that a report would read."""

    async def read() -> list[int]:
        connection = await asyncpg.connect(url)
        try:
            return await beat_packs.packed_hours(connection, START, to_us(now()))
        finally:
            await connection.close()

    return [f"{from_us(hour):%d %H}" for hour in asyncio.run(read())]


def test_a_late_heartbeat_unpacks_its_hour_until_a_worker_packs_it_again(
    database_url: str,
) -> None:
    async def scenario(one: Connection, other: Connection) -> None:
        await empty(one)
        await beat(one, [(0, 0, 1, 0), (1, 3600, 1, 0), (2, 3 * 3600, 1, 0)])
        assert await beat_packs.pack_ended_hours(one) == 3
        await beat(other, [(3, 3601, 1, 0)])

    with_connections(database_url, scenario)
    assert hours(database_url) == ["15 22", "16 01"]
    assert beat_packs.pack_hours(database_url) == 1
    assert hours(database_url) == ["15 22", "15 23", "16 01"]
    assert beat_packs.pack_hours(database_url) == 0


def test_a_late_heartbeat_that_is_committed_while_its_hour_is_packed_leaves_its_mark(
    database_url: str,
) -> None:
    """Else a pack without it would be taken for the whole."""

    async def scenario(one: Connection, other: Connection) -> None:
        await empty(one)
        await beat(one, [(0, 0, 1, 0)])
        await beat_packs.pack_ended_hours(one)
        await beat(one, [(0, 60, 1, 0)])
        # It is being packed: its snapshot is taken.
        packing = one.transaction(isolation="repeatable_read")
        await packing.start()
        await one.execute("DELETE FROM heartbeat_marks")
        await beat(other, [(1, 60, 1, 0)])
        await packing.commit()

    with_connections(database_url, scenario)
    assert hours(database_url) == []


def test_heartbeats_are_written_while_a_transaction_holds_up_the_packing(
    database_url: str,
) -> None:
    async def scenario(one: Connection, other: Connection) -> None:
        await empty(one)
        transaction = one.transaction()
        await transaction.start()
        await beat(one, [(0, 0, 1, 0)])
        packing = asyncio.create_task(asyncio.to_thread(beat_packs.pack_hours, database_url))
        await asyncio.sleep(0.1)
        await beat(other, [(1, 0, 1, 0)])
        assert await packing == 0
        await transaction.commit()

    with_connections(database_url, scenario)
    assert beat_packs.pack_hours(database_url) == 1


def test_the_present_hour_is_not_packed(database_url: str) -> None:
    async def write(engine: AsyncEngine) -> None:
        present = now() + timedelta(minutes=4)  # its hour does not end meanwhile
        await Writer(engine).write([Beat("joe", present, None), Beat("joe", from_us(START), None)])

    on_engine(database_url, write)
    assert beat_packs.pack_hours(database_url) == 1
    assert fetch(database_url, "SELECT count(*) FROM heartbeat_hours") == [(1,)]


def test_heartbeats_a_minute_apart_are_a_few_bytes_an_hour(database_url: str) -> None:
    async def scenario(one: Connection, other: Connection) -> None:
        await empty(one)
        await beat(other, [(pc, 0, 180, 60) for pc in range(PCS)])
        assert await beat_packs.pack_ended_hours(one) == 3

    with_connections(database_url, scenario)
    size = "SELECT sum(length(runs)) FROM heartbeat_packs"
    assert fetch(database_url, size) == [(14 * PCS * 3,)]


def test_a_heartbeat_of_a_packed_hour_leaves_its_mark_after_the_clock_was_set_back(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("_WAIT_ALONE", "_SOMETHING_TO_DO"):
        later = getattr(beat_packs, name).replace("- interval '1 minute'", "+ interval '2 hours'")
        monkeypatch.setattr(beat_packs, name, later)
    written = now()

    async def write(engine: AsyncEngine) -> None:
        await Writer(engine).write([Beat("joe", written, None)])

    on_engine(database_url, write)
    assert beat_packs.pack_hours(database_url) == 1
    on_engine(database_url, write)
    [(hour,)] = fetch(database_url, "SELECT hour FROM heartbeat_marks")
    assert hour == written.replace(minute=0, second=0, microsecond=0)


def test_what_takes_too_long_is_packed_by_the_next_call(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def write(engine: AsyncEngine) -> None:
        await Writer(engine).write([Beat("joe", from_us(START), None)])

    on_engine(database_url, write)
    with monkeypatch.context() as patch:
        patch.setattr(beat_packs, "_LONGEST", -1.0)
        assert beat_packs.pack_hours(database_url) == 0
    assert beat_packs.pack_hours(database_url) == 1


def test_packs_go_with_their_weeks_even_if_a_worker_packs_meanwhile(
    settings: Settings, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    drop = WeeklyTable.prune

    async def pack_and_drop(table: WeeklyTable, engine: AsyncEngine, before: datetime) -> int:
        assert await asyncio.to_thread(beat_packs.pack_hours, database_url) == 1
        return await drop(table, engine, before)

    monkeypatch.setattr(WeeklyTable, "prune", pack_and_drop)

    async def scenario(engine: AsyncEngine) -> None:
        await Writer(engine).write([Beat("joe", from_us(START), None)])
        await asyncio.to_thread(beat_packs.pack_hours, database_url)
        limits = settings.model_copy(update={"keep_days": 30})
        assert await prune_heartbeats(engine, limits) == 1

    on_engine(database_url, scenario)
    for table in ("heartbeat_hours", "heartbeat_packs", "heartbeat_marks"):
        assert fetch(database_url, f"SELECT FROM {table}") == []


def test_the_hours_of_an_older_database_are_packed_by_a_worker(database_url: str) -> None:
    async def scenario(engine: AsyncEngine) -> None:
        await downgrade(engine, "0036")
        await Writer(engine).write(
            [Beat("joe", from_us(START + n * HOUR), None) for n in (0, 1, 30)]
            + [Beat("joe", now() + timedelta(minutes=4), None)]
        )
        await migrate(engine)

    on_engine(database_url, scenario)
    assert hours(database_url) == []
    assert beat_packs.pack_hours(database_url) == 3
    assert hours(database_url) == ["15 22", "15 23", "17 04"]
