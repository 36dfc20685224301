"""The job that computes a report: one snapshot, many partitions, one commit."""

import asyncio
import logging
from collections.abc import AsyncGenerator, Awaitable, Sequence
from contextlib import aclosing
from dataclasses import replace
from functools import partial
from typing import TypeAlias, TypeVar

from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from openhours.db.engine import raw_connection
from openhours.process_pool import run_while
from openhours.reports import write
from openhours.reports.executors import Executor
from openhours.reports.fleet import calibrate, choose, fit, read_samples
from openhours.reports.groups import Groups
from openhours.reports.inputs import plan_inputs, stretch_of
from openhours.reports.partition import Partition, PartitionFigures, compute_partition, weighed
from openhours.reports.plan import only_of, plan_partitions
from openhours.reports.tables import Report
from openhours.reports.targets import find_targets
from openhours.reports.windows import lookback, windows_of
from openhours.stores.packs import are_packed, pack_days
from openhours.stores.queries import read_corrections
from openhours.stores.tables import POLLED
from openhours.times import DAY, to_us
from openhours.uptime.axis import Int64
from openhours.uptime.intervals.rates import FLAT

log = logging.getLogger(__name__)

Found = TypeVar("Found")
_Numbered: TypeAlias = tuple[int, PartitionFigures]
# Of a report with intervals: reading the polls, before the prior is fitted.
_FIRST_PART = 0.5


async def run_report(engine: AsyncEngine, executor: Executor, report_pk: int) -> None:
    """Compute a report and commit its rows; leave alone one that is no longer to be computed.

    One that is removed meanwhile is given up within a second, with all that the executor computes.
    """
    report = await write.begin_attempt(engine, report_pk)
    if report is None:
        return
    is_wanted = partial(write.is_to_be_computed, engine, report)
    if not await run_while(is_wanted, _compute(engine, executor, report)):
        log.info("report %s is no longer to be computed", report.report_id)


async def _compute(engine: AsyncEngine, executor: Executor, report: Report) -> None:
    await _pack(engine, executor, report)
    async with engine.connect() as reader, engine.connect() as writer:
        await reader.execution_options(isolation_level="REPEATABLE READ")
        report.corrections = await _corrections(reader, report)
        report.inputs = await plan_inputs(reader, report)
        partitions = await plan_partitions(reader, report, executor.parallelism)
        works: Sequence[Awaitable[PartitionFigures]]
        calibration: asyncio.Future[Int64] | None = None
        if report.intervals:
            partitions = await _with_targets(reader, report, partitions)
            works, calibration = await _weighed(engine, reader, executor, report, partitions)
        else:
            works = [executor.compute(compute_partition, one) for one in partitions]
        await writer.begin()  # all rows and the new state are one transaction
        rows = outages = 0
        groups = Groups(
            await raw_connection(reader), await raw_connection(writer), report, only_of(partitions)
        )
        by_hour: dict[str, Int64] = {}
        tallies: dict[str, Int64] = {}
        began = report.progress
        async with aclosing(_as_done(engine, report, works, began, 1.0)) as parts:
            async for part in parts:
                if len(part.store_ids):
                    await write.write_rows(writer, report, part)
                    outages += await write.write_outages(writer, report, part)
                    await groups.add(part)
                    rows += len(part.store_ids)
                    by_hour[part.feed] = by_hour.get(part.feed, 0) + part.by_hour
                    tallies[part.feed] = tallies.get(part.feed, 0) + part.tallies
        await groups.write()
        if calibration is not None:
            report.calibration = (await calibration).tolist()
        # The snapshot lives as long as its exporter's transaction: until here.
        await reader.rollback()
        if await write.complete_report(writer, report, rows, outages, by_hour, tallies):
            await writer.commit()
            log.info("report %s complete: %d rows", report.report_id, rows)
        else:
            await writer.rollback()
            log.warning("report %s is computed by another attempt", report.report_id)


async def _pack(engine: AsyncEngine, executor: Executor, report: Report) -> None:
    """Pack the days that the report reads and that nobody has packed yet.

    Each of its partitions would read all rows of such a day to find those of its own stores.
    """
    stretch = stretch_of(report, POLLED)
    if stretch is None:
        return
    days = stretch[0] // DAY, stretch[1] // DAY
    async with engine.connect() as connection:
        packed = await are_packed(await raw_connection(connection), *days)
    if not packed:
        await executor.compute(pack_days, days)


async def _weighed(
    engine: AsyncEngine,
    reader: AsyncConnection,
    executor: Executor,
    report: Report,
    partitions: Sequence[Partition],
) -> tuple[Sequence[Awaitable[PartitionFigures]], asyncio.Future[Int64] | None]:
    """Return what computes the partitions with their intervals; and how these come true.

    The prior of the fleet is kept with the report.
    """
    polled = [one for one in partitions if one.slice.feed == POLLED]
    computed: list[PartitionFigures] = []
    prior, calibration = FLAT, None
    if polled:
        chosen, are_few = await choose(reader, polled[0].slice.as_of)
        if are_few and only_of(polled) is None:
            unweighed = [replace(one, chosen=chosen.of(one.slice)) for one in polled]
            computed = await _in_order(
                engine, report, [executor.compute(compute_partition, one) for one in unweighed]
            )
            sampled = [one.unweighed.sampled for one in computed if one.unweighed is not None]
        else:
            sampled = await read_samples(executor, chosen, polled[0].slice, polled[0].snapshot)
        prior = await asyncio.to_thread(fit, sampled)
        # Meanwhile the partitions are computed.
        calibration = asyncio.ensure_future(asyncio.to_thread(calibrate, sampled, prior))
    report.prior = prior.tolist()
    works: list[Awaitable[PartitionFigures]] = [
        weighed(executor, partition, part, prior)
        for partition, part in zip(polled, computed, strict=bool(computed))
    ]
    rest = [one for one in partitions if not computed or one.slice.feed != POLLED]
    works += [
        executor.compute(compute_partition, replace(partition, prior=prior)) for partition in rest
    ]
    return works, calibration


async def _in_order(
    engine: AsyncEngine, report: Report, works: Sequence[Awaitable[PartitionFigures]]
) -> list[PartitionFigures]:
    """Return what the works compute, in their order: the first half of the report."""

    async def numbered(number: int, work: Awaitable[PartitionFigures]) -> _Numbered:
        return number, await work

    each = [numbered(number, work) for number, work in enumerate(works)]
    async with aclosing(_as_done(engine, report, each, 0.0, _FIRST_PART)) as parts:
        found = {number: part async for number, part in parts}
    report.progress = _FIRST_PART
    return [found[number] for number in sorted(found)]


async def _with_targets(
    reader: AsyncConnection, report: Report, partitions: list[Partition]
) -> list[Partition]:
    """Return the partitions with the targets of their stores, if the report has verdicts."""
    targets = await find_targets(await raw_connection(reader), report)
    report.verdicts = targets.any
    if not report.verdicts:
        return partitions
    return [
        replace(partition, targets=targets.between(partition.slice.first, partition.slice.last))
        for partition in partitions
    ]


async def _corrections(reader: AsyncConnection, report: Report) -> list[str]:
    """Return the ids of the corrections that meet the report's lookback, of either feed."""
    clocks = [to_us(at) for at in (report.as_of_polled, report.as_of_beating) if at is not None]
    windows, setting = windows_of(report), report.lookback_days * DAY
    since = min(as_of - lookback(windows, as_of, setting) for as_of in clocks)
    found = await read_corrections(await raw_connection(reader), since, max(clocks))
    return [one.correction_id for one in found]


async def _as_done(
    engine: AsyncEngine,
    report: Report,
    works: Sequence[Awaitable[Found]],
    first: float,
    last: float,
) -> AsyncGenerator[Found, None]:
    """Yield what each work computes as it does, and note the progress, from `first` to `last`."""
    tasks = [asyncio.ensure_future(work) for work in works]
    try:
        for done, task in enumerate(asyncio.as_completed(tasks), start=1):
            yield await task
            if done < len(tasks):
                progress = first + (last - first) * done / len(tasks)
                await write.note_progress(engine, report, progress)
    finally:
        for unfinished in tasks:
            unfinished.cancel()
