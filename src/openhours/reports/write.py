"""Every change of a report's state after its trigger, and its rows.

    queued -> running (an attempt) -> complete
                                   -> failed

Only the newest attempt may write; a report that has ended changes no more.
"""

import logging
from collections.abc import Sequence

import numpy as np
from sqlalchemy import ColumnElement, func, select, update
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from openhours.db import bulk
from openhours.db.deliveries import put
from openhours.db.engine import raw_connection
from openhours.db.queue import UNFINISHED
from openhours.reports import metrics
from openhours.reports.inputs import pack
from openhours.reports.notify import TELL_ENDED, TELL_PROGRESS
from openhours.reports.partition import PartitionFigures
from openhours.reports.rows import (
    OUTAGE_TYPES,
    input_type,
    outage_columns,
    row_columns,
    row_types,
    verdict_columns,
    window_columns,
)
from openhours.reports.tables import Report, ReportOutages, ReportRow
from openhours.uptime.axis import Int64

log = logging.getLogger(__name__)

MAX_ATTEMPTS = 3

_UNFINISHED = Report.state.in_(UNFINISHED)


def _attempt_of(report: Report) -> tuple[ColumnElement[bool], ...]:
    """Return the conditions under which this attempt may still write to the report."""
    return Report.id == report.id, Report.attempt == report.attempt, _UNFINISHED


async def begin_attempt(engine: AsyncEngine, report_pk: int) -> Report | None:
    """Count an attempt and return the report, or None if it is no longer to be computed.

    After MAX_ATTEMPTS that ended without a trace the report fails.
    """
    async with engine.begin() as connection:
        begun = await connection.execute(
            update(Report)
            .where(Report.id == report_pk, _UNFINISHED)
            .values(
                state="running",
                attempt=Report.attempt + 1,
                progress=0.0,
                started_at=func.coalesce(Report.started_at, func.clock_timestamp()),
                attempted_at=func.clock_timestamp(),
            )
            .returning(*Report.__table__.columns)
        )
        row = begun.one_or_none()
    if row is None:
        return None
    report = Report(**row._mapping)
    if report.attempt > MAX_ATTEMPTS:
        await fail_report(
            engine,
            report_pk,
            f"computing it was cut off {MAX_ATTEMPTS} times: its process or the database ended",
        )
        return None
    return report


async def is_to_be_computed(engine: AsyncEngine, report: Report) -> bool:
    """Return False if the report was removed or has ended, or another attempt runs."""
    async with engine.connect() as connection:
        found = await connection.scalar(select(Report.id).where(*_attempt_of(report)))
        return found is not None


async def note_progress(engine: AsyncEngine, report: Report, progress: float) -> None:
    """Write how much of the report is computed, 0 to 1; it is seen at once."""
    async with engine.begin() as connection:
        await connection.execute(
            update(Report)
            .where(*_attempt_of(report))
            .values(progress=progress)
            .returning(TELL_PROGRESS)
        )


async def write_rows(connection: AsyncConnection, report: Report, part: PartitionFigures) -> None:
    """Write a partition's rows inside the caller's transaction: raw, by COPY.

    Add the zones of its stores to those of the report.
    """
    assert connection.in_transaction(), "a COPY outside of one would be committed at once"
    count = len(part.store_ids)
    types = {"report": "int8", "store": "int4"} | row_types(report) | input_type(report)
    columns = row_columns(part.figures, part.ranges) | window_columns(part.outages)
    columns |= verdict_columns(part.verdicts) | {
        "inputs": pack(report, part.inputs, part.corrections),
        "report": np.full(count, report.id, np.int64),
        "store": part.store_ids,
        "zone": _places(report.zones, part.zones)[part.zone],
    }
    raw = await raw_connection(connection)
    await bulk.copy_in(raw, ReportRow.__tablename__, types, columns)


async def write_outages(connection: AsyncConnection, report: Report, part: PartitionFigures) -> int:
    """Write a partition's outages inside the caller's transaction: raw, by COPY. How many."""
    assert connection.in_transaction(), "a COPY outside of one would be committed at once"
    if part.outages is None:
        return 0
    found = part.outages.found
    place, counts = np.unique(found.store, return_counts=True)
    keys = {
        "report": np.full(len(place), report.id, np.int64),
        "store": part.store_ids[place],
    }
    raw = await raw_connection(connection)
    await bulk.copy_lists_in(
        raw,
        ReportOutages.__tablename__,
        {"report": "int8", "store": "int4"},
        keys,
        OUTAGE_TYPES,
        outage_columns(found),
        counts,
    )
    return len(found.store)


def _places(zones: list[str], names: Sequence[str]) -> Int64:
    """Return the positions of the names in `zones`, to which those that are missing are added."""
    zones += [name for name in names if name not in zones]
    return np.array([zones.index(name) for name in names], np.int64)


async def complete_report(
    connection: AsyncConnection,
    report: Report,
    rows: int,
    outages: int,
    by_hour: dict[str, Int64],
    tallies: dict[str, Int64],
) -> bool:
    """Mark the report complete inside the caller's transaction.

    Return False if the report was removed or has ended, or another attempt runs.
    For each feed `by_hour` is (2, 168), see `uptime.hourly`, and `tallies` as in `uptime.tallies`.
    """
    completed = await connection.execute(
        update(Report)
        .where(*_attempt_of(report))
        .values(
            state="complete",
            progress=1.0,
            row_count=rows,
            outage_count=outages if report.outages else None,
            corrections=report.corrections,
            zones=report.zones,
            prior=report.prior,
            calibration=report.calibration,
            verdicts=report.verdicts,
            inputs=report.inputs,
            groups=report.groups,
            by_hour={feed: hours.tolist() for feed, hours in by_hour.items()},
            tallies={feed: windows.tolist() for feed, windows in tallies.items()},
            finished_at=func.clock_timestamp(),
        )
        .returning(func.extract("epoch", Report.finished_at - Report.started_at), TELL_ENDED)
    )
    seconds = completed.scalar_one_or_none()
    if seconds is None:
        return False
    raw = await raw_connection(connection)
    await metrics.note_complete(raw, float(seconds))
    await put(raw, "report.complete", report.id)
    return True


async def fail_report(engine: AsyncEngine, report_pk: int, reason: str) -> None:
    """Mark the report failed, unless it has ended."""
    async with engine.begin() as connection:
        await fail_in(connection, report_pk, reason)


async def fail_in(connection: AsyncConnection, report_pk: int, reason: str) -> None:
    """Mark the report failed inside the caller's transaction, unless it has ended."""
    failed = await connection.execute(
        update(Report)
        .where(Report.id == report_pk, _UNFINISHED)
        .values(state="failed", error=reason, finished_at=func.clock_timestamp())
        .returning(TELL_ENDED)
    )
    if failed.one_or_none() is not None:
        raw = await raw_connection(connection)
        await metrics.note_failed(raw)
        await put(raw, "report.failed", report_pk)
    log.error("report %d failed: %s", report_pk, reason)
