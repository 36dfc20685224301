"""The job that computes a report: one snapshot, many partitions, one commit."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import numpy as np
from sqlalchemy import func, select, text, update
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from openhours.db import bulk
from openhours.db.engine import raw_connection
from openhours.reports import metrics
from openhours.reports.columns import Slice
from openhours.reports.partition import Partition, PartitionFigures, compute, filling_of
from openhours.reports.tables import MEASURES, WINDOWS, Report, ReportRow
from openhours.stores.partitions import name_of, week_of
from openhours.stores.tables import BEATING, POLLED, Store
from openhours.times import to_us
from openhours.uptime.axis import Int64

log = logging.getLogger(__name__)

Compute = Callable[
    [Callable[[Partition], PartitionFigures], Partition], Awaitable[PartitionFigures]
]

MOST_ATTEMPTS = 3
# A partition holds about so many observations: 5 MB on the wire, some 60 MB while computing.
_OBSERVATIONS_A_PARTITION = 600_000
_MOST_STORES_A_PARTITION = 20_000
_FEWEST_STORES_A_PARTITION = 50
_BYTES_AN_OBSERVATION = 50  # heap only; an estimate that needs no statistics

_COLUMNS = {
    "report": "int8",
    "store": "int4",
    "known": "bool",
    **{f"{measure}_{window}": "int8" for measure in MEASURES for window in WINDOWS},
}


async def run_report(engine: AsyncEngine, compute_in: Compute, number: int, ways: int) -> None:
    """Compute report `number` and keep its rows; `compute_in` runs a partition in some process.

    A report that is no longer to be computed is left alone. With `ways` partitions at least, all
    processes have work.
    """
    report = await _begin_attempt(engine, number)
    if report is None:
        return
    async with engine.connect() as reader, engine.connect() as writer:
        await reader.execution_options(isolation_level="REPEATABLE READ")
        snapshot = await reader.scalar(text("SELECT pg_export_snapshot()"))
        partitions = await _plan(reader, report, str(snapshot), ways)
        rows, by_hour = await _compute_all(engine, writer, report, partitions, compute_in)
        # The snapshot lives as long as its exporter's transaction: until here.
        await reader.rollback()
        finished = await writer.execute(
            update(Report)
            .where(Report.id == number, Report.attempt == report.attempt)
            .values(
                state="complete",
                progress=1.0,
                row_count=rows,
                by_hour={feed: hours.tolist() for feed, hours in by_hour.items()},
                finished_at=func.clock_timestamp(),
            )
            .returning(func.extract("epoch", Report.finished_at - Report.started_at))
        )
        seconds = finished.scalar_one_or_none()
        if seconds is not None:
            await metrics.note_complete(await raw_connection(writer), float(seconds))
            await writer.commit()
            log.info("report %s complete: %d rows", report.report_id, rows)
        else:
            await writer.rollback()
            log.warning("report %s is computed by another attempt", report.report_id)


async def fail_report(engine: AsyncEngine, number: int, reason: str) -> None:
    """End a report that cannot be computed."""
    async with engine.begin() as connection:
        failed = await connection.execute(
            update(Report)
            .where(Report.id == number, Report.state.in_(("queued", "running")))
            .values(state="failed", error=reason, finished_at=func.clock_timestamp())
        )
        if failed.rowcount == 1:
            await metrics.note_failed(await raw_connection(connection))
    log.error("report %d failed: %s", number, reason)


async def _begin_attempt(engine: AsyncEngine, number: int) -> Report | None:
    """Count this attempt: only the newest may write, and after three crashes there is none."""
    async with engine.begin() as connection:
        row = (
            await connection.execute(
                update(Report)
                .where(Report.id == number, Report.state.in_(("queued", "running")))
                .values(
                    state="running",
                    attempt=Report.attempt + 1,
                    progress=0.0,
                    started_at=func.coalesce(Report.started_at, func.clock_timestamp()),
                )
                .returning(*Report.__table__.columns)
            )
        ).one_or_none()
    if row is None:
        return None
    report = Report(**row._mapping)
    if report.attempt > MOST_ATTEMPTS:
        await fail_report(
            engine, number, f"the process computing it ended {MOST_ATTEMPTS} times unexpectedly"
        )
        return None
    return report


async def _plan(
    reader: AsyncConnection, report: Report, snapshot: str, ways: int
) -> list[Partition]:
    """Slices of both feeds, small enough for memory and enough for all processes."""
    partitions = []
    lookback = report.lookback_days * 86_400_000_000
    for feed, as_of in ((POLLED, report.as_of_polled), (BEATING, report.as_of_beating)):
        if as_of is None:
            continue
        condition = [Store.feed == feed, Store.first_observed_at <= as_of]
        if report.stores is not None:
            condition.append(Store.id == func.any(report.stores))
        ids = (await reader.scalars(select(Store.id).where(*condition).order_by(Store.id))).all()
        weeks = range(week_of(to_us(as_of) - lookback), week_of(to_us(as_of)) + 1)
        size = await _stores_a_partition(reader, weeks, len(ids), ways)
        for start in range(0, len(ids), size):
            some = ids[start : start + size]
            part = Slice(
                feed=feed,
                as_of=to_us(as_of),
                lookback=lookback,
                first=some[0],
                last=some[-1],
                only=None if report.stores is None else some,
                default_timezone=report.default_timezone,
            )
            partitions.append(
                Partition(
                    slice=part,
                    snapshot=snapshot,
                    filling=filling_of(report),
                )
            )
    return partitions


async def _stores_a_partition(reader: AsyncConnection, weeks: range, stores: int, ways: int) -> int:
    """How many stores share a partition, from the size on disk of the weeks that are read."""
    size = await reader.scalar(
        text(
            "SELECT coalesce(sum(pg_relation_size(to_regclass(name))), 0)::int8"
            " FROM unnest(CAST(:names AS text[])) AS name"
        ),
        {"names": [name_of(week) for week in weeks]},
    )
    observations = int(size or 0) / _BYTES_AN_OBSERVATION
    count = max(
        1, round(observations / _OBSERVATIONS_A_PARTITION), stores // _MOST_STORES_A_PARTITION
    )
    count = max(1, min(count, stores // _FEWEST_STORES_A_PARTITION))
    if stores > 500:  # below, one process is done before others have begun
        count = -(-count // ways) * ways  # a whole number of rounds: no process idles in the last
    return max(1, -(-stores // count))


async def _compute_all(
    engine: AsyncEngine,
    writer: AsyncConnection,
    report: Report,
    partitions: Sequence[Partition],
    compute_in: Compute,
) -> tuple[int, dict[str, Int64]]:
    """Compute the partitions, write their rows as they come, tell the progress.

    How many rows were written, and each feed's hours.
    """
    raw = await raw_connection(writer)
    await writer.execute(text("SELECT 1"))  # begins the transaction that the rows belong to
    tasks = [asyncio.ensure_future(compute_in(compute, partition)) for partition in partitions]
    rows = 0
    by_hour: dict[str, Int64] = {}
    try:
        for done, task in enumerate(asyncio.as_completed(tasks), start=1):
            result = await task
            if len(result.ids):
                await bulk.copy_in(
                    raw, ReportRow.__tablename__, _COLUMNS, _row_columns(report, result)
                )
                rows += len(result.ids)
                by_hour[result.feed] = by_hour.get(result.feed, 0) + result.by_hour
            if done < len(tasks):
                await _tell_progress(engine, report, done / len(tasks))
    finally:
        for unfinished in tasks:
            unfinished.cancel()
    return rows, by_hour


async def _tell_progress(engine: AsyncEngine, report: Report, progress: float) -> None:
    async with engine.begin() as connection:
        await connection.execute(
            update(Report)
            .where(Report.id == report.id, Report.attempt == report.attempt)
            .values(progress=progress)
        )


def _row_columns(report: Report, result: PartitionFigures) -> dict[str, Any]:
    figures = result.figures
    columns: dict[str, Any] = {
        "report": np.full(len(result.ids), report.id, np.int64),
        "store": result.ids,
        "known": figures.known,
    }
    for measure in MEASURES:
        for window, values in zip(WINDOWS, getattr(figures, measure), strict=True):
            columns[f"{measure}_{window}"] = values
    return columns
