"""Reports read packs of heartbeats: whatever was written, they say what the rows say."""

import asyncio
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession

from openhours.db.engine import make_engine
from openhours.reports.inputs import plan_inputs
from openhours.reports.partition import PartitionFigures, compute_partition
from openhours.reports.plan import plan_partitions
from openhours.stores import beat_packs
from openhours.times import DAY, HOUR, MINUTE, SECOND, from_us
from tests.reports.database import new_report
from tests.stores.beats import (
    FIRST_ID,
    HOURS,
    PCS,
    START,
    Connection,
    beat,
    beat_at,
    empty,
    with_connections,
)

pytestmark = pytest.mark.slow

Step = tuple[str, Any]

# It keeps its connection.
ONE_THREAD = ThreadPoolExecutor(1)

# Just before hours end, and before the instant of the report in `mark_a_report`.
edges = st.sampled_from([3590, 5390, 7190])
seconds = st.integers(0, HOURS * 3600 - 1) | edges
runs = st.tuples(
    st.integers(0, PCS - 1),
    seconds,
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
    st.tuples(st.just("correct"), st.tuples(seconds, st.integers(1, 3600))),
)
instants = st.integers(0, HOURS * HOUR) | edges.map(lambda second: (second + 30) * SECOND)
# T among the heartbeats, after all of them, and so that the lookback begins among them.
as_ofs = st.one_of(
    instants,
    st.just(HOURS * HOUR),
    st.just(HOUR - 1),
    instants.map(lambda at: at + 7 * DAY),
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
    elif name == "correct":
        first, length = value
        await connection.execute(
            "INSERT INTO corrections"
            " (correction_id, from_at, to_at, treat_as, category, reason, made_by)"
            " VALUES (gen_random_uuid(), $1, $2, 'down', 'other', 'r', 'm')",
            from_us(START + first * SECOND),
            from_us(START + (first + length) * SECOND),
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
    monkeypatch.setattr("openhours.reports.slices._MIN_PCS_OF_A_BLOCK", 1)
    monkeypatch.setattr(beat_packs, "_LOCK_TIMEOUT", "50ms")

    async def scenario(connection: Connection, other: Connection) -> None:
        await empty(connection)
        engine = make_engine(database_url)
        try:
            await mark_a_report(engine)
            # To the last microsecond of an hour.
            last = [from_us(START + HOUR - 1 - n * MINUTE) for n in range(5)]
            await beat_at(connection, [(FIRST_ID, at) for at in last])
            for step in (first, ("pack", None), *todo, ("pack", None)):
                await take(step, connection, other)
                for packed, by_rows in await both_ways(
                    engine, database_url, START + as_of, expiry, listed
                ):
                    assert plain(packed) == plain(by_rows)
        finally:
            await engine.dispose()

    with_connections(database_url, scenario)
