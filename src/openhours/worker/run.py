"""A worker's process: until SIGTERM, or until the server that started it is gone."""

import asyncio
import logging
import multiprocessing
import os
import signal

from openhours.db import database
from openhours.delivery import checks
from openhours.process_pool import fork_server
from openhours.reports import executors
from openhours.settings import Settings, get_settings
from openhours.worker.jobs import Worker

log = logging.getLogger(__name__)


def run_worker(settings: Settings, server: int | None = None) -> None:
    """Work until SIGTERM.

    `server`: descriptor that is at its end once the server is gone: then the worker ends at once
    """
    fork_server()
    asyncio.run(_work(settings, server))


def run_forked_worker(url: str) -> None:
    """Be the worker of the server that this process was forked for, on the database at `url`."""
    os.setsid()  # Ctrl-C in a terminal is for the server, which ends the worker itself
    os.environ["DATABASE_URL"] = url
    get_settings.cache_clear()
    server = multiprocessing.parent_process()
    assert server is not None
    run_worker(get_settings(), server.sentinel)


async def _work(settings: Settings, server: int | None) -> None:
    executors.check(settings)
    database.check(settings)
    checks.check(settings)
    loop = asyncio.get_running_loop()
    if server is not None:
        # Also one that still waits for the database: whoever starts next must not find two.
        loop.add_reader(server, _die_at_end, server)
    async with database.opened(settings) as (_, url):
        worker = Worker(settings, url)
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, worker.stop)
        await worker.run()


def _die_at_end(server: int) -> None:
    if not os.read(server, 1024):
        log.warning("the server is gone; the worker ends")
        os._exit(1)
