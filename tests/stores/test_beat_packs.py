"""Reports read packs of heartbeats: whatever was written, in whatever order, they say the same."""

import asyncio
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, TypeAlias

import asyncpg
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession

from openhours.db.engine import make_engine, migrate
from openhours.db.weekly import week_of
from openhours.heartbeats.retention import prune_heartbeats
from openhours.heartbeats.write import Beat, Writer
from openhours.reports.inputs import plan_inputs
from openhours.reports.partition import PartitionFigures, compute_partition
from openhours.reports.plan import plan_partitions
from openhours.settings import Settings
from openhours.stores import beat_packs
from openhours.stores.packs import BLOCK
from openhours.stores.tables import HEARTBEATS
from openhours.times import DAY, HOUR, SECOND, from_us, now, to_us
from tests.helpers.database import downgrade, fetch, on_engine
from tests.reports.database import new_report

pytestmark = pytest.mark.slow

Connection: TypeAlias = "asyncpg.Connection[Any]"
Step = tuple[str, Any]

# Two hours before a Monday: the hours of the tests are in two weeks.
START = to_us(datetime(2023, 1, 15, 22, tzinfo=UTC))
PCS, HOURS = 4, 4
# Database ids of the PCs are in two blocks.
FIRST_ID = BLOCK - PCS // 2
# It keeps its connection.
ONE_THREAD = ThreadPoolExecutor(1)

# Just before hours end, and before the instant of the report in `mark_a_report`.
edges = st.sampled_from([3590, 5390, 7190])
runs = st.tuples(
    st.integers(0, PCS - 1),
    st.integers(0, HOURS * 3600 - 1) | edges,
    st.integers(1, 12),
    st.sampled_from([0, 20, 60, 90, 91, 150, 700]),
)
some_runs = st.lists(runs, min_size=1, max_size=6)
beating = st.tuples(st.just("beat"), st.lists(runs, min_size=6, max_size=12))
packing = st.just(("pack", None))
steps = st.one_of(
    beating,
    packing,
    packing,
    st.tuples(st.just("pack while they are written"), some_runs),
    st.tuples(st.just("roll back"), some_runs),
    st.tuples(st.just("delete by hand"), st.integers(0, PCS - 1)),
    st.tuples(st.just("move by hand"), st.integers(0, PCS - 1)),
    st.just(("truncate by hand", None)),
)
instants = st.integers(0, HOURS * HOUR) | edges.map(lambda second: (second + 30) * SECOND)
# T among the heartbeats, after all of them, and so that the lookback begins among them.
as_ofs = instants | st.just(HOURS * HOUR) | instants.map(lambda at: at + 7 * DAY)


def beats_of(run: tuple[int, int, int, int]) -> list[tuple[int, datetime]]:
    pc, first, count, gap = run
    return [
        (FIRST_ID + pc, from_us(START + (first + n * gap) * SECOND))
        for n in range(count)
        if first + n * gap < HOURS * 3600
    ]


async def beat(connection: Connection, some: list[tuple[int, int, int, int]]) -> None:
    beats = [one for run in some for one in beats_of(run)]
    await connection.execute(
        "INSERT INTO heartbeats (event_time, id, store)"
        " SELECT event_time, nextval('heartbeat_ids'), store"
        " FROM unnest($1::int4[], $2::timestamptz[]) AS b (store, event_time)",
        *map(list, zip(*beats, strict=True)),
    )


async def take(step: Step, connection: Connection, other: Connection) -> None:
    name, value = step
    if name == "beat":
        await beat(connection, value)
    elif name == "pack":
        await beat_packs.pack_ended_hours(connection)
    elif name == "pack while they are written":
        transaction = other.transaction()
        await transaction.start()
        await beat(other, value)
        assert await beat_packs.pack_ended_hours(connection) == 0, "it waits for them"
        await transaction.commit()
    elif name == "roll back":
        transaction = connection.transaction()
        await transaction.start()
        await beat(connection, value)
        await transaction.rollback()
    elif name == "delete by hand":
        await connection.execute("DELETE FROM heartbeats WHERE store = $1", FIRST_ID + value)
    elif name == "move by hand":
        await connection.execute(
            "UPDATE heartbeats SET event_time = event_time + interval '7 s' WHERE store = $1"
            " AND event_time < $2",
            FIRST_ID + value,
            from_us(START + HOURS * HOUR - 10 * SECOND),
        )
    else:
        await connection.execute("TRUNCATE heartbeats")


async def mark_a_report(engine: AsyncEngine) -> None:
    """A report complete as of the middle of an hour: inputs are cut there."""
    async with AsyncSession(engine) as session:
        session.add(new_report(state="complete", as_of_beating=from_us(START + HOUR * 3 // 2)))
        await session.commit()


async def both_ways(
    engine: AsyncEngine, url: str, as_of: int, expiry: int, listed: bool
) -> list[tuple[PartitionFigures, PartitionFigures]]:
    """The partitions of a report as it reads them, and by all their rows."""
    loop = asyncio.get_running_loop()
    async with engine.connect() as connection:
        await connection.execution_options(isolation_level="REPEATABLE READ")
        report = new_report(
            as_of_beating=from_us(as_of),
            heartbeat_expiry_seconds=expiry,
            outages=True,
            lookback_days=7,
            stores=[FIRST_ID, FIRST_ID + PCS - 1] if listed else None,
        )
        report.inputs = await plan_inputs(connection, report)
        found = []
        for packed in await plan_partitions(connection, report, 2):
            rows = replace(packed, slice=replace(packed.slice, packed_hours=()))
            one, other = [
                await loop.run_in_executor(ONE_THREAD, compute_partition, url, each)
                for each in (packed, rows)
            ]
            found.append((one, other))
        return found


def plain(found: object) -> object:
    """What can be compared: arrays as lists, objects as what they hold."""
    if isinstance(found, np.ndarray):
        return found.tolist()
    return (
        {name: plain(value) for name, value in vars(found).items()}
        if hasattr(found, "__dict__")
        else found
    )


@settings(max_examples=40, deadline=None, suppress_health_check=[*HealthCheck])
@given(
    first=beating,
    todo=st.lists(steps, max_size=5),
    as_of=as_ofs,
    expiry=st.sampled_from([90, 150, 1000, 60]),
    listed=st.booleans(),
)
def test_packs_and_rows_give_the_same_report(
    database_url: str,
    monkeypatch: pytest.MonkeyPatch,
    first: Step,
    todo: list[Step],
    as_of: int,
    expiry: int,
    listed: bool,
) -> None:
    monkeypatch.setattr("openhours.reports.slices._MIN_STORES_OF_A_BLOCK", 1)

    async def scenario(connection: Connection, other: Connection) -> None:
        await empty(connection)
        engine = make_engine(database_url)
        try:
            await mark_a_report(engine)
            for step in (first, ("pack", None), *todo, ("pack", None)):
                await take(step, connection, other)
                for packed, by_rows in await both_ways(
                    engine, database_url, START + as_of, expiry, listed
                ):
                    assert plain(packed) == plain(by_rows)
        finally:
            await engine.dispose()

    with_connections(database_url, scenario)


async def empty(connection: Connection) -> None:
    for instant in START, START + HOURS * HOUR:
        await HEARTBEATS.ensure(connection, week_of(instant))
    await connection.execute(
        "TRUNCATE heartbeats, heartbeat_hours, heartbeat_marks, heartbeat_packs, reports, stores"
        " CASCADE;"
        f" ALTER TABLE stores ALTER COLUMN id RESTART WITH {FIRST_ID}"
    )
    await connection.execute(
        "INSERT INTO stores (store_id, feed, first_observed_at)"
        f" SELECT 'pc:' || n, 'beating', '{from_us(START)}' FROM generate_series(1, {PCS}) n"
    )


def hours(url: str) -> list[str]:
    """The packed hours that a report would read."""

    async def read() -> list[int]:
        connection = await asyncpg.connect(url)
        try:
            return await beat_packs.packed_hours(connection, START, to_us(now()))
        finally:
            await connection.close()

    return [f"{from_us(hour):%d %H}" for hour in asyncio.run(read())]


def with_connections(url: str, work: Callable[[Connection, Connection], Awaitable[None]]) -> None:
    async def run() -> None:
        connections = [await asyncpg.connect(url) for _ in range(2)]
        try:
            async with asyncio.timeout(30):
                await work(*connections)
        finally:
            for connection in connections:
                await connection.close()

    asyncio.run(run())


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
        # Somebody packs the hour, and has his snapshot.
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
        present = now().replace(minute=0, second=0, microsecond=0)
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


def test_packs_go_with_their_weeks(settings: Settings, database_url: str) -> None:
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
            + [Beat("joe", now(), None)]
        )
        await migrate(engine)

    on_engine(database_url, scenario)
    assert hours(database_url) == []
    assert beat_packs.pack_hours(database_url) == 3
    assert hours(database_url) == ["15 22", "15 23", "17 04"]
