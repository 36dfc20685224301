"""The worker: which function runs for which job, and the schedules.

PgQueuer keeps jobs in the database and takes back those of a worker that died. A job that fails
never stays in the dark: its row says Failed, or the job is queued again.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from concurrent.futures.process import BrokenProcessPool
from datetime import timedelta
from typing import Any

import asyncpg
from pgqueuer import PgQueuer, RetryRequested
from pgqueuer.models import Job, Schedule
from sqlalchemy.ext.asyncio import AsyncEngine

from openhours.accounts.retention import prune_expired
from openhours.activity.counts import SCHEDULE as ACTIVITY_SCHEDULE
from openhours.activity.counts import count_ended_periods
from openhours.activity.retention import prune_activity
from openhours.db.engine import (
    is_database_away,
    is_database_unusable,
    is_disk_full,
    make_engine,
    plain_url,
    root_of,
)
from openhours.db.machine import machine_id
from openhours.db.queue import prune_queue_log, worker_name
from openhours.delivery.schedule import SCHEDULE as REPORT_SCHEDULE
from openhours.delivery.schedule import make_due_report
from openhours.delivery.sender import make_carriers, send_due
from openhours.errors import Unavailable
from openhours.garbage import leave_what_is_loaded
from openhours.heartbeats.retention import prune_heartbeats
from openhours.ingestion import inbox
from openhours.ingestion.ingest import ingest_file
from openhours.ingestion.job import fail_ingestion, run_ingestion
from openhours.ingestion.machine import ingest_jobs, scan_job
from openhours.ingestion.retention import drop_new_weeks, prune_ingestions, prune_rejected_rows
from openhours.ingestion.uploads import remove_broken_uploads
from openhours.process_pool import Processes, preload
from openhours.reports import executors
from openhours.reports.job import run_report
from openhours.reports.partition import compute_partition, warm_up
from openhours.reports.retention import prune_reports
from openhours.reports.trigger import JOB as REPORT_JOB
from openhours.reports.write import fail_report
from openhours.settings import Settings
from openhours.stores.beat_packs import pack_hours
from openhours.stores.packs import pack_days
from openhours.stores.retention import prune_observations
from openhours.visits.counts import EVERY_MINUTE, count_visits
from openhours.visits.counts import SCHEDULE as VISITS_SCHEDULE
from openhours.visits.retention import prune_visits
from openhours.work_sessions.idempotency import prune_answers
from openhours.work_sessions.sessions import prune_deleted

log = logging.getLogger(__name__)

# A killed worker's job is taken by another after the first and found at the latest by the second.
_HEARTBEAT_TIMEOUT = timedelta(seconds=5)
_DEQUEUE_TIMEOUT = timedelta(seconds=1)
_RETRY_DELAY = timedelta(seconds=1)
_STORE_DELAY = timedelta(seconds=10)  # an object store that is away, or refuses
_JOBS_AT_ONCE = 4

Run = Callable[[int], Awaitable[None]]
Fail = Callable[[int, str], Awaitable[None]]


class Worker:
    """A worker's resources while it runs; `stop` lets running jobs end.

    `schedules`: whether it does what is due by the clock, too; a command that only waits for its
    own job does not.
    """

    def __init__(self, settings: Settings, url: str, *, schedules: bool = True) -> None:
        self.settings = settings
        self._schedules = schedules
        self.url = url
        self.engine: AsyncEngine = make_engine(url, pool_size=8 * _JOBS_AT_ONCE)
        preload(compute_partition, ingest_file, pack_days, pack_hours)
        self.processes = Processes(settings.processes)
        # Reports do not wait for a file that takes long.
        self.loading = Processes(1)
        self._stopping = asyncio.Event()
        self._queue: PgQueuer | None = None

    def stop(self) -> None:
        """Take no more jobs; `run` returns when those that run have ended."""
        self._stopping.set()
        if self._queue is not None:
            self._queue.shutdown.set()

    async def run(self) -> None:
        """Work until stopped; a database that goes away is waited for."""
        sending: asyncio.Task[None] | None = None
        try:
            await self.processes.warm_up(warm_up)
            leave_what_is_loaded()
            if self._schedules:
                carriers = make_carriers(self.engine, self.settings)
                sending = asyncio.create_task(send_due(self.engine, carriers))
            while not self._stopping.is_set():
                try:
                    await self._work()
                except Exception as error:
                    if not is_database_unusable(error):
                        raise
                    log.warning("worker: the database is away: %s", error)
                    await asyncio.sleep(1)
        finally:
            if sending is not None:
                sending.cancel()
            self.processes.close()
            self.loading.close()
            await self.engine.dispose()

    async def _work(self) -> None:
        machine = machine_id(self.settings.data_dir)
        connection = await asyncpg.connect(
            plain_url(self.url),
            server_settings={"jit": "off", "application_name": worker_name(machine)},
        )
        try:
            queue = self._queue = PgQueuer.from_asyncpg_connection(connection)
            self._register(queue)
            if self._schedules:
                self._schedule(queue)
                await inbox.scan(self.engine, self.settings)
                await remove_broken_uploads(self.engine, self.settings)
                # What was due while no worker ran.
                await count_ended_periods(self.engine, self.settings.activity_cron)
                await make_due_report(self.engine, self.settings)
            if not self._stopping.is_set():
                log.info("worker ready")
                await queue.run(
                    dequeue_timeout=_DEQUEUE_TIMEOUT,
                    heartbeat_timeout=_HEARTBEAT_TIMEOUT,
                    batch_size=_JOBS_AT_ONCE // 2,
                    max_concurrent_tasks=_JOBS_AT_ONCE,
                    shutdown_on_listener_failure=True,
                )
        finally:
            self._queue = None
            await connection.close(timeout=5)

    def _register(self, queue: PgQueuer) -> None:
        engine, settings = self.engine, self.settings

        async def report(report_pk: int) -> None:
            async with executors.open_executor(settings, self.processes, self.url) as executor:
                await run_report(engine, executor, report_pk)

        one_at_a_time = asyncio.Lock()  # both kinds of jobs have one child

        async def ingestion(number: int) -> None:
            async with one_at_a_time:
                await run_ingestion(engine, self.loading, self.url, settings, number)

        async def fail_one_report(report_pk: int, reason: str) -> None:
            await fail_report(engine, report_pk, reason)

        async def fail_one_ingestion(number: int, reason: str) -> None:
            await fail_ingestion(engine, number, reason)

        job: Any = queue.entrypoint(REPORT_JOB)
        job(_job(report, fail_one_report))
        for name in ingest_jobs(settings):
            # A later ingestion must find what an earlier one loaded.
            job = queue.entrypoint(name, concurrency_limit=1)
            job(_job(ingestion, fail_one_ingestion))

    def _schedule(self, queue: PgQueuer) -> None:
        engine, settings = self.engine, self.settings

        async def look_into_inbox(_schedule: Schedule) -> None:
            await inbox.scan(engine, settings)
            await remove_broken_uploads(engine, settings)
            await drop_new_weeks(engine)

        async def count_activity(_schedule: Schedule) -> None:
            await count_ended_periods(engine, settings.activity_cron)

        async def keep_within_limits(_schedule: Schedule) -> None:
            await prune_reports(engine, settings)
            await prune_heartbeats(engine, settings)
            await prune_observations(engine, settings)
            await prune_visits(engine, settings)
            await prune_activity(engine, settings)
            await prune_rejected_rows(engine)
            await prune_ingestions(engine, settings)
            await prune_expired(engine)
            await prune_answers(engine)
            await prune_deleted(engine)
            await prune_queue_log(engine)

        async def make_scheduled_report(_schedule: Schedule) -> None:
            await make_due_report(engine, settings)

        async def count_new_visits(_schedule: Schedule) -> None:
            await count_visits(engine)

        async def pack_observations(_schedule: Schedule) -> None:
            await self.processes.run(pack_days, self.url)
            await self.processes.run(pack_hours, self.url)

        queue.schedule(scan_job(settings), settings.inbox_cron)(look_into_inbox)
        # Of all workers on the database, one does it.
        queue.schedule("retention", settings.retention_cron)(keep_within_limits)
        queue.schedule(ACTIVITY_SCHEDULE, settings.activity_cron)(count_activity)
        queue.schedule(VISITS_SCHEDULE, EVERY_MINUTE)(count_new_visits)
        # Not by its own expression: PgQueuer runs what a killed worker had begun a second time.
        queue.schedule(REPORT_SCHEDULE, EVERY_MINUTE)(make_scheduled_report)
        queue.schedule("observation packs", EVERY_MINUTE)(pack_observations)


def _job(run: Run, fail: Fail) -> Callable[[Job], Awaitable[None]]:
    """Return the queue's function for `run`: a failure ends the job's row, or is retried."""

    async def execute(job: Job) -> None:
        number = int((job.payload or b"").decode())
        try:
            await run(number)
        except Exception as error:
            if is_database_away(error) or isinstance(error, BrokenProcessPool):
                delay = _RETRY_DELAY
                if isinstance(error, Unavailable):
                    log.warning("%s %d is tried again: %s", job.entrypoint, number, error)
                    delay = _STORE_DELAY
                # Attempts are counted and bounded where they begin.
                raise RetryRequested(delay=delay, reason=repr(error)) from error
            log.exception("%s %d", job.entrypoint, number)
            try:
                await fail(number, _reason(error))
            except Exception as away:
                raise RetryRequested(delay=_RETRY_DELAY, reason=repr(away)) from away

    return execute


def _reason(error: Exception) -> str:
    root = root_of(error)
    if is_disk_full(error):
        return f"the disk is full: {root}"
    return f"{type(root).__name__}: {root}"
